// HOST:PORT, as flags say it.
#ifndef AUTHFLOW_SERVER_PROCESS_HOST_PORT_H_
#define AUTHFLOW_SERVER_PROCESS_HOST_PORT_H_

#include <optional>
#include <string>
#include <string_view>

namespace authflow {

struct HostPort {
  std::string host;  // without brackets
  int port = 0;

  // "HOST:PORT", with brackets around an IPv6 address.
  std::string ToString() const;
  // Reachable from this machine alone: 127.0.0.0/8, ::1, localhost.
  bool IsLoopback() const;
};

// nullopt: not of the form "HOST:PORT" or "[IPv6]:PORT" with a port from 0 to 65535.
std::optional<HostPort> ParseHostPort(std::string_view text);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_HOST_PORT_H_
