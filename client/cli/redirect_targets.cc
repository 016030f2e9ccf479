#include "client/cli/redirect_targets.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace authflow {
namespace {

std::optional<RedirectTarget> Parse(std::string_view uri) {
  constexpr std::string_view kScheme = "http://";
  if (!uri.starts_with(kScheme)) return std::nullopt;
  uri.remove_prefix(kScheme.size());
  const size_t slash = uri.find('/');
  std::string_view authority = uri.substr(0, slash);
  RedirectTarget target;
  target.path = slash == uri.npos ? "/" : std::string(uri.substr(slash));
  if (target.path.find_first_of("?#") != target.path.npos) return std::nullopt;
  const size_t colon = authority.rfind(':');
  const bool with_port = colon != authority.npos && authority.back() != ']';
  if (with_port) {
    const std::string port(authority.substr(colon + 1));
    if (!absl::SimpleAtoi(port, &target.port) || target.port < 0 || target.port > 65535) return std::nullopt;
    authority = authority.substr(0, colon);
  } else {
    target.port = 80;
  }
  if (authority != "127.0.0.1" && authority != "localhost" && authority != "[::1]") return std::nullopt;
  target.host = std::string(authority);
  return target;
}

// What a person types by mistake is shorter.
constexpr size_t kShortestCode = 16;

bool HasParameter(std::string_view query, std::string_view name) {
  for (size_t at = 0; at != query.npos && at < query.size();) {
    const std::string_view rest = query.substr(at);
    if (rest.starts_with(name) && rest.substr(name.size()).starts_with('=')) return true;
    at = query.find('&', at);
    if (at != query.npos) ++at;
  }
  return false;
}

// For application/x-www-form-urlencoded.
std::string Encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      encoded += c;
    } else {
      encoded += absl::StrFormat("%%%02X", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace

std::string RedirectTarget::Uri(int with_port) const { return absl::StrCat("http://", host, ":", with_port, path); }

std::vector<RedirectTarget> ParseRedirectTargets(std::string_view list) {
  std::vector<RedirectTarget> targets;
  for (const std::string& uri : std::vector<std::string>(absl::StrSplit(std::string(list), ' ', absl::SkipEmpty()))) {
    if (auto target = Parse(uri)) targets.push_back(*std::move(target));
  }
  return targets;
}

std::optional<PastedAnswer> ParsePasted(std::string_view pasted, std::string_view authorization_url,
                                        std::string_view state) {
  const bool visible = std::all_of(pasted.begin(), pasted.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (pasted.empty() || !visible) return std::nullopt;
  const size_t mark = pasted.find('?');
  const std::string_view query = mark == pasted.npos ? pasted : pasted.substr(mark + 1);
  if (mark != pasted.npos || HasParameter(query, "code") || HasParameter(query, "error")) {
    std::string_view whole = query.substr(0, query.find('#'));
    if (whole.empty()) return std::nullopt;
    return PastedAnswer{.query = std::string(whole)};
  }
  const size_t parameters = authorization_url.find('?');
  const bool bound =
      parameters != authorization_url.npos && HasParameter(authorization_url.substr(parameters + 1), "nonce");
  if (!bound || pasted.size() < kShortestCode || pasted.find("://") != pasted.npos) return std::nullopt;
  return PastedAnswer{.query = absl::StrCat("code=", Encoded(pasted), "&state=", Encoded(state)), .code_only = true};
}

}  // namespace authflow
