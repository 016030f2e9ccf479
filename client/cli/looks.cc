#include "client/cli/looks.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace authflow {
namespace {

std::string_view Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool IsUnicode() {
  // As setlocale does it: the first that is not empty counts.
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = Variable(name);
    if (value.empty()) continue;
    for (const char* ending : {"UTF-8", "utf-8", "UTF8", "utf8"}) {
      if (value.find(ending) != value.npos) return true;
    }
    return false;
  }
  return false;
}

}  // namespace

Looks LooksNow() {
  const std::string_view term = Variable("TERM");
  const std::string_view accessible = Variable("AUTHFLOW_ACCESSIBLE");
  Looks looks;
  looks.terminal = isatty(STDERR_FILENO) != 0;
  looks.redraws = looks.terminal && !term.empty() && term != "dumb" &&
                  (accessible.empty() || accessible == "0" || accessible == "false");
  looks.colour = looks.redraws && Variable("NO_COLOR").empty();
  looks.unicode = IsUnicode();
  return looks;
}

Size SizeNow() {
  winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return {.width = size.ws_col > 0 ? size.ws_col : Size().width,
          .height = size.ws_row > 0 ? size.ws_row : Size().height};
}

std::string Coloured(std::string_view text, Tone tone, bool colour) {
  const char* code = "";
  switch (tone) {
    case Tone::kPlain:
      break;
    case Tone::kGood:
      code = "32";
      break;
    case Tone::kBad:
      code = "31";
      break;
    case Tone::kChosen:
      code = "1;36";
      break;
    case Tone::kFaint:
      code = "2";
      break;
  }
  if (!colour || code[0] == '\0' || text.empty()) return std::string(text);
  return std::string("\x1b[") + code + "m" + std::string(text) + "\x1b[0m";
}

}  // namespace authflow
