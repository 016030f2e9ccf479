// Which redirect URIs a product accepts (RFC 8252 7.3: a loopback redirect may have any port).

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/flow/use_cases.h"

namespace authflow {
namespace {

// The port of http://HOST:PORT/PATH with exactly this host and path.
std::optional<int> PortOf(const std::string& uri, const std::string& host, const std::string& path) {
  const std::string head = absl::StrCat("http://", host, ":");
  if (!absl::StartsWith(uri, head)) return std::nullopt;
  const size_t end = uri.find('/', head.size());
  if (end == std::string::npos || uri.substr(end) != path) return std::nullopt;
  const std::string digits = uri.substr(head.size(), end - head.size());
  int port = 0;
  // Exactly as it is written: no sign, space or leading zero.
  if (!absl::SimpleAtoi(digits, &port) || absl::StrCat(port) != digits || port < 1 || port > 65535) {
    return std::nullopt;
  }
  return port;
}

}  // namespace

bool RedirectRules::Allows(const std::string& uri) const {
  if (std::find(uris.begin(), uris.end(), uri) != uris.end()) return true;
  std::optional<int> port = PortOf(uri, host, path);
  // A tool may listen on IPv6 where a provider takes any loopback address.
  if (!port && ports.empty() && host == "127.0.0.1") port = PortOf(uri, "[::1]", path);
  if (!port) return false;
  return ports.empty() || std::find(ports.begin(), ports.end(), *port) != ports.end();
}

std::string RedirectRules::Pasted() const {
  if (ports.empty()) return absl::StrCat("http://", host, path);
  return absl::StrCat("http://", host, ":", ports.front(), path);
}

std::string RedirectRules::Listed() const {
  std::string list;
  const auto add = [&](const std::string& uri) { absl::StrAppend(&list, list.empty() ? "" : " ", uri); };
  if (ports.empty()) add(absl::StrCat("http://", host, ":0", path));
  for (const int port : ports) add(absl::StrCat("http://", host, ":", port, path));
  for (const std::string& uri : uris) add(uri);
  return list;
}

}  // namespace authflow
