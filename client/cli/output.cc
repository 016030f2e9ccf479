#include "client/cli/output.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "client/cli/printable.h"

namespace authflow {
namespace {

// Whole lines, without a buffer that an exit could lose. 0 or an errno.
int WriteTo(int file, const std::string& text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t n = write(file, rest.data(), rest.size());
    if (n >= 0) {
      rest.remove_prefix(n);
    } else if (errno == EAGAIN) {
      pollfd ready{.fd = file, .events = POLLOUT, .revents = 0};
      if (poll(&ready, 1, 1000) <= 0) return EAGAIN;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

// To where the line began, and nothing is left of it. A terminal that became narrower has wrapped it.
std::string Output::Erased() const {
  if (line_.empty()) return "";
  const int above = (ColumnsOf(line_) - 1) / std::max(SizeNow().width, 1);
  return "\r" + (above > 0 ? "\x1b[" + std::to_string(above) + "A" : std::string()) + "\x1b[J";
}

void Output::Say(const std::string& text, Tone tone) const {
  const std::string printable = Printable(text);
  const size_t end = std::min(printable.find('\n'), printable.size());
  const auto shown = [this](const std::string& part) {
    return looks_.terminal ? Wrapped(part, SizeNow().width) : part;
  };
  // In one piece: nobody sees the line go and come.
  WriteTo(STDERR_FILENO, Erased() + Coloured(shown(printable.substr(0, end)), tone, looks_.colour) +
                             shown(printable.substr(end)) + "\n" + line_);
}

void Output::SayOnce(const std::string& text) const {
  if (text == said_once_) return;
  said_once_ = text;
  Say(text);
}

void Output::Debug(const std::string& text) const {
  if (debug_) Say("debug: " + text, Tone::kFaint);
}

void Output::EndLines() const {
  ShowLine("");
  lines_over_ = true;
}

void Output::ShowLine(const std::string& text) const {
  if (lines_over_) return;
  // In the background it would write over what the shell and others show.
  if (!looks_.redraws || tcgetpgrp(STDERR_FILENO) != getpgrp()) {
    line_.clear();
    return;
  }
  const std::string erased = Erased();
  line_ = Shortened(Printable(text), SizeNow().width - 1);
  WriteTo(STDERR_FILENO, erased + line_);
}

void Output::Print(const std::string& text) const {
  if (!json_) WriteResult(Printable(text) + "\n");
}

void Output::Document(const nlohmann::ordered_json& document) const {
  if (json_) WriteResult(document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void Output::WriteResult(const std::string& text) const {
  const int error = WriteTo(STDOUT_FILENO, text);
  if (error == 0 || error == EPIPE) return;
  written_ = absl::InternalError(absl::StrCat("The result cannot be written: ", std::strerror(error), "."));
}

}  // namespace authflow
