#include "client/channel.h"

#include <gtest/gtest.h>

namespace authflow {
namespace {

TEST(ParseServerTest, PlaintextOnlyOnLoopbackUnlessAskedFor) {
  const struct {
    const char* given;
    const char* full;
    bool loopback;
  } kCases[] = {{"127.0.0.1:7070", "http://127.0.0.1:7070", true},
                {"localhost:7070", "http://localhost:7070", true},
                {"[::1]:7070", "http://[::1]:7070", true},
                {"https://localhost:7070/", "https://localhost:7070", true},
                {"auth.example.com:7070", "https://auth.example.com:7070", false},
                {"https://Auth.Example.com", "https://auth.example.com:443", false},
                {"http://auth.example.com:80", "http://auth.example.com:80", false},
                {"127.example.com:1", "https://127.example.com:1", false},
                {"[fe80::1]:1", "https://[fe80::1]:1", false}};
  for (const auto& c : kCases) {
    const auto address = ParseServer(c.given);
    ASSERT_TRUE(address.ok()) << c.given;
    EXPECT_EQ(address->Full(), c.full);
    EXPECT_EQ(address->loopback, c.loopback) << c.given;
  }
}

TEST(ParseServerTest, AllElseIsRefused) {
  for (const char* given :
       {"", ":1", "host", "http://host", "host:", "host:0", "host:65536", "host:1x", "host:+1", "a b:1", "ftp://h:1",
        "h:1/path", "user@h:1", "[::1:1", "[x]:1", "unix:/tmp/s", "https://"}) {
    EXPECT_FALSE(ParseServer(given).ok()) << given;
  }
}

TEST(OpenChannelTest, ATraceparentOfAnotherFormIsNoError) {
  for (const char* traceparent : {"", "nonsense", "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-\n"}) {
    EXPECT_TRUE(OpenChannel(*ParseServer("127.0.0.1:1"), {.server = "", .traceparent = traceparent}).ok());
  }
}

TEST(OpenChannelTest, ACaFileThatIsMissingIsSaid) {
  const auto channel = OpenChannel(*ParseServer("https://h:1"), {.ca_file = "/nonexistent.pem"});
  EXPECT_TRUE(absl::IsNotFound(channel.status())) << channel.status();
}

}  // namespace
}  // namespace authflow
