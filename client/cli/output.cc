#include "client/cli/output.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <string_view>

#include "client/cli/printable.h"

namespace authflow {
namespace {

// Whole lines, without a buffer that an exit could lose.
void WriteTo(int file, const std::string& text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t n = write(file, rest.data(), rest.size());
    if (n >= 0) {
      rest.remove_prefix(n);
    } else if (errno == EAGAIN) {
      pollfd ready{.fd = file, .events = POLLOUT, .revents = 0};
      if (poll(&ready, 1, 1000) <= 0) return;
    } else if (errno != EINTR) {
      return;
    }
  }
}

}  // namespace

void Output::Say(const std::string& text) const { WriteTo(STDERR_FILENO, Printable(text) + "\n"); }

void Output::Debug(const std::string& text) const {
  if (debug_) WriteTo(STDERR_FILENO, "debug: " + Printable(text) + "\n");
}

void Output::Print(const std::string& text) const {
  if (!json_) WriteTo(STDOUT_FILENO, Printable(text) + "\n");
}

void Output::Document(const nlohmann::ordered_json& document) const {
  if (json_) WriteTo(STDOUT_FILENO, document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace authflow
