#include "client/cli/redirect_targets.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
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

}  // namespace

std::string RedirectTarget::Uri(int with_port) const { return absl::StrCat("http://", host, ":", with_port, path); }

std::vector<RedirectTarget> ParseRedirectTargets(std::string_view list) {
  std::vector<RedirectTarget> targets;
  for (const std::string& uri : std::vector<std::string>(absl::StrSplit(std::string(list), ' ', absl::SkipEmpty()))) {
    if (auto target = Parse(uri)) targets.push_back(*std::move(target));
  }
  return targets;
}

std::optional<std::string> PastedQuery(std::string_view pasted) {
  const size_t mark = pasted.find('?');
  if (mark != pasted.npos) pasted.remove_prefix(mark + 1);
  pasted = pasted.substr(0, pasted.find('#'));
  if (mark == pasted.npos && pasted.find('=') == pasted.npos) return std::nullopt;
  if (pasted.empty() || pasted.find(' ') != pasted.npos) return std::nullopt;
  return std::string(pasted);
}

}  // namespace authflow
