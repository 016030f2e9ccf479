#include "client/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <grpcpp/support/client_interceptor.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/trace_parent.h"

namespace authflow {
namespace {

// The system's authorities as Debian and most others keep them; gRPC's own list is empty on some builds.
constexpr char kSystemAuthorities[] = "/etc/ssl/certs/ca-certificates.crt";

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad() || text.empty()) return std::nullopt;
  return text;
}

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" ||
         (absl::StartsWith(host, "127.") && host.find_first_not_of("0123456789.") == host.npos);
}

// The last channel of a process ends gRPC 1.51's callback threads and waits for them: on one of them, where the last
// owner of a call may let go of it, that aborts. So a channel is let go of on a thread of its own. A ClientContext that
// has made a call holds the channel past this pointer: whoever owns one lets go of it before the stub.
std::shared_ptr<grpc::Channel> LetGoElsewhere(std::shared_ptr<grpc::Channel> channel) {
  grpc::Channel* const raw = channel.get();
  return {raw, [channel = std::move(channel)](grpc::Channel*) mutable {
            std::thread([last = std::move(channel)] {}).detach();
          }};
}

constexpr size_t kLongestTraceparent = 256;

// Of the form that the standard gives it, and such that gRPC takes it for metadata.
bool IsTraceparent(const std::string& text) {
  return text.size() <= kLongestTraceparent && absl::c_all_of(text, absl::ascii_isprint) && !TraceIdOf(text).empty();
}

// Adds the traceparent to each call, streams included.
class Tracing final : public grpc::experimental::Interceptor {
 public:
  explicit Tracing(const std::string& traceparent) : traceparent_(traceparent) {}
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(grpc::experimental::InterceptionHookPoints::PRE_SEND_INITIAL_METADATA)) {
      methods->GetSendInitialMetadata()->emplace("traceparent", traceparent_);
    }
    methods->Proceed();
  }

 private:
  const std::string traceparent_;
};

class TracingFactory final : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  explicit TracingFactory(std::string traceparent) : traceparent_(std::move(traceparent)) {}
  grpc::experimental::Interceptor* CreateClientInterceptor(grpc::experimental::ClientRpcInfo*) override {
    return new Tracing(traceparent_);
  }

 private:
  const std::string traceparent_;
};

absl::Status Malformed(const std::string& server) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", server, "\" is not the address of a server: use https://host:port or host:port."));
}

}  // namespace

std::string ServerAddress::HostAndPort() const {
  return absl::StrCat(host.find(':') == host.npos ? host : absl::StrCat("[", host, "]"), ":", port);
}

std::string ServerAddress::Full() const { return absl::StrCat(tls ? "https://" : "http://", HostAndPort()); }

absl::StatusOr<ServerAddress> ParseServer(const std::string& server) {
  ServerAddress address;
  std::string rest = server;
  std::optional<bool> tls;
  if (absl::StartsWith(rest, "https://")) {
    tls = true;
    rest = rest.substr(8);
  } else if (absl::StartsWith(rest, "http://")) {
    tls = false;
    rest = rest.substr(7);
  }
  if (absl::EndsWith(rest, "/")) rest.pop_back();
  if (absl::StartsWith(rest, "[")) {
    const size_t end = rest.find(']');
    if (end == rest.npos) return Malformed(server);
    address.host = rest.substr(1, end - 1);
    rest = rest.substr(end + 1);
    if (address.host.find_first_not_of("0123456789abcdefABCDEF:.%") != address.host.npos) return Malformed(server);
  } else {
    const size_t colon = rest.find(':');
    address.host = rest.substr(0, colon);
    rest = colon == rest.npos ? "" : rest.substr(colon);
    for (char c : address.host) {
      if (!absl::ascii_isalnum(c) && c != '.' && c != '-' && c != '_') return Malformed(server);
    }
  }
  if (address.host.empty()) return Malformed(server);
  address.host = absl::AsciiStrToLower(address.host);
  if (rest.empty() && tls == true) rest = ":443";
  int port = 0;
  if (rest.size() < 2 || rest[0] != ':' || !absl::ascii_isdigit(rest[1]) || !absl::SimpleAtoi(rest.substr(1), &port) ||
      port < 1 || port > 65535) {
    return Malformed(server);
  }
  address.port = absl::StrCat(port);
  address.loopback = IsLoopback(address.host);
  address.tls = tls.value_or(!address.loopback);
  return address;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const ServerAddress& address, const ClientOptions& options) {
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  if (address.tls) {
    grpc::SslCredentialsOptions ssl;
    if (!options.ca_file.empty()) {
      const auto authorities = ReadFile(options.ca_file);
      if (!authorities) {
        return absl::NotFoundError(absl::StrCat("The CA file ", options.ca_file, " cannot be read or is empty."));
      }
      ssl.pem_root_certs = *authorities;
    } else {
      ssl.pem_root_certs = ReadFile(kSystemAuthorities).value_or("");
    }
    credentials = grpc::SslCredentials(ssl);
  } else {
    credentials = grpc::InsecureChannelCredentials();
  }
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // Also the time that one attempt to connect may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 3'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 3'000);
  // Retries are ours: gRPC's would not know which errors are answers.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // One process must not share a connection with another client that it made with other settings.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (address.loopback) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (!options.user_agent.empty()) arguments.SetUserAgentPrefix(options.user_agent);
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> interceptors;
  if (IsTraceparent(options.traceparent)) interceptors.push_back(std::make_unique<TracingFactory>(options.traceparent));
  return LetGoElsewhere(grpc::experimental::CreateCustomChannelWithInterceptors(address.HostAndPort(), credentials,
                                                                                arguments, std::move(interceptors)));
}

}  // namespace authflow
