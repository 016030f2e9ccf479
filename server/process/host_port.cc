#include "server/process/host_port.h"

#include "absl/strings/numbers.h"
#include "server/base/text.h"

namespace authflow {

std::string HostPort::ToString() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return ipv6 ? Cat("[", host, "]:", port) : Cat(host, ":", port);
}

bool HostPort::IsLoopback() const { return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0; }

std::optional<HostPort> ParseHostPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  HostPort parsed;
  parsed.host = std::string(host);
  if (host.empty() || digits.empty() || digits.size() > 5 || digits.find_first_not_of("0123456789") != digits.npos ||
      !absl::SimpleAtoi(ToAbsl(digits), &parsed.port) || parsed.port > 65535) {
    return std::nullopt;
  }
  // Only names and addresses of their own characters: a host goes into URLs and messages.
  for (const char c : host) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                      c == '-' || c == ':' || c == '_';
    if (!good) return std::nullopt;
  }
  return parsed;
}

}  // namespace authflow
