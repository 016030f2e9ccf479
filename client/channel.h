// Where the server is, and the channel to it.
#ifndef AUTHFLOW_CLIENT_CHANNEL_H_
#define AUTHFLOW_CLIENT_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/authflow_client.h"

namespace authflow {

struct ServerAddress {
  std::string host;  // without brackets
  std::string port;
  bool tls = true;
  bool loopback = false;

  std::string HostAndPort() const;
  // "https://host:port"
  std::string Full() const;
};

// The forms of ClientOptions::server. INVALID_ARGUMENT for anything else.
absl::StatusOr<ServerAddress> ParseServer(const std::string& server);

// Keepalive 10 s with 5 s to answer; reconnects after 0.1 s, growing to 3 s. Does not connect yet.
// NOT_FOUND: the CA file cannot be read.
absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const ServerAddress& address, const ClientOptions& options);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CHANNEL_H_
