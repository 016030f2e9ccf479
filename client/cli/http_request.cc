#include "client/cli/http_request.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace authflow {
namespace {

// Up to `mark`, which is taken away as well; all if there is none.
std::string_view Take(std::string_view& text, std::string_view mark) {
  const size_t end = text.find(mark);
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + mark.size());
  return taken;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = absl::ascii_tolower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::optional<std::string> FormDecoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      if (i + 2 >= text.size() || HexDigit(text[i + 1]) < 0 || HexDigit(text[i + 2]) < 0) return std::nullopt;
      decoded += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    }
  }
  return decoded;
}

}  // namespace

std::optional<HttpRequest> ParseHttpRequest(std::string_view head) {
  std::string_view line = Take(head, "\r\n");
  HttpRequest request;
  request.method = std::string(Take(line, " "));
  std::string_view target = Take(line, " ");
  if (line != "HTTP/1.1" && line != "HTTP/1.0") return std::nullopt;
  if (target.empty() || target[0] != '/' ||
      std::any_of(target.begin(), target.end(), [](unsigned char c) { return c <= 0x20 || c >= 0x7f; })) {
    return std::nullopt;
  }
  request.path = std::string(Take(target, "?"));
  request.query = std::string(target.substr(0, target.find('#')));
  int hosts = 0;
  while (!head.empty()) {
    std::string_view value = Take(head, "\r\n");
    if (value.empty()) break;
    const std::string name = absl::AsciiStrToLower(std::string(Take(value, ":")));
    if (name != "host") continue;
    ++hosts;
    request.host = std::string(value);
    absl::StripAsciiWhitespace(&request.host);
    absl::AsciiStrToLower(&request.host);
  }
  if (hosts != 1) return std::nullopt;
  return request;
}

std::optional<std::string> QueryValue(std::string_view query, std::string_view name) {
  std::optional<std::string> found;
  while (!query.empty()) {
    std::string_view value = Take(query, "&");
    const auto key = FormDecoded(Take(value, "="));
    if (!key || *key != name) continue;
    if (found) return std::nullopt;
    found = FormDecoded(value);
    if (!found) return std::nullopt;
  }
  return found;
}

}  // namespace authflow
