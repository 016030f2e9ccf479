#include "client/cli/keyring.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>

// A keyring that works is tests/e2e/test_keyring.py's.
namespace authflow {
namespace {

constexpr std::chrono::milliseconds kLimit(200);

std::string WhyNot() {
  const auto loaded = LoadFromKeyring({.folder = "/f", .profile = "default", .id = "i"}, kLimit);
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kUnavailable);
  return std::string(loaded.status().message());
}

// Accepts connections into its backlog, and says nothing. An abstract name (unix(7)): a test's folder can be deeper
// than the 108 bytes of a socket's path.
class SilentBus {
 public:
  SilentBus() : name_("authflow-keyring-test-" + std::to_string(getpid())), socket_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::copy(name_.begin(), name_.end(), address.sun_path + 1);
    const socklen_t length = offsetof(sockaddr_un, sun_path) + 1 + name_.size();
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(listen(socket_, 8), 0);
  }
  ~SilentBus() { close(socket_); }
  std::string address() const { return "unix:abstract=" + name_; }

 private:
  const std::string name_;
  const int socket_;
};

TEST(KeyringTest, WithoutASessionBusNothingIsAsked) {
  unsetenv("AUTHFLOW_KEYRING");
  unsetenv("DBUS_SESSION_BUS_ADDRESS");
  setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
  EXPECT_EQ(WhyNot(), "there is no session bus");
}

TEST(KeyringTest, ItCanBeDeclined) {
  setenv("AUTHFLOW_KEYRING", "0", 1);
  setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent", 1);
  EXPECT_EQ(WhyNot(), "AUTHFLOW_KEYRING is 0");
  unsetenv("AUTHFLOW_KEYRING");
}

TEST(KeyringTest, OneThatDoesNotAnswerIsWaitedForOnce) {
  const SilentBus bus;
  setenv("DBUS_SESSION_BUS_ADDRESS", bus.address().c_str(), 1);
  EXPECT_EQ(WhyNot(), "the keyring did not answer within 1 s (is it locked?)");
  EXPECT_EQ(WhyNot(), "the keyring did not answer before");
}

}  // namespace
}  // namespace authflow
