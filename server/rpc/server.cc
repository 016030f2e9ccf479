#include "server/rpc/server.h"

#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <chrono>
#include <set>
#include <utility>
#include <vector>

#include "server/base/log/log.h"
#include "server/base/text.h"
#include "server/rpc/services.h"
#include "server/rpc/wire.h"

namespace authflow {
namespace {

// A request above kMaxRequestBytes is refused with its class; one above this by gRPC itself.
constexpr int kHardLimitBytes = 1024 * 1024;

constexpr int kStreamsPerConnection = 1024;

// gRPC's own words go where all others go, and not to stderr in a form of their own.
void GrpcLog(gpr_log_func_args* args) {
  // Whoever speaks no TLS to us causes its errors, too: no warning.
  const LogLevel level = args->severity == GPR_LOG_SEVERITY_ERROR ? LogLevel::kInfo : LogLevel::kDebug;
  Log(level, "grpc", {{"message", args->message}});
}

class RpcServerImpl final : public RpcServer {
 public:
  RpcServerImpl(World& world, Nursery& nursery, RpcObserver& observer)
      : wire_{world.executor, nursery, observer, std::make_shared<Heartbeats>(world.executor, absl::Seconds(10)), {}} {
    services_.push_back(NewFlowService(wire_, world));
    services_.push_back(NewTokenService(wire_, world));
    services_.push_back(NewApplicationService(wire_, world));
    services_.push_back(NewCommandService(wire_, world));
  }
  ~RpcServerImpl() override { Shutdown(absl::ZeroDuration()); }

  absl::Status Start(const RpcServerOptions& options) {
    gpr_set_log_function(&GrpcLog);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(options.listen, Credentials(options), &port);
    for (const auto& service : services_) builder.RegisterService(service.get());
    builder.SetMaxReceiveMessageSize(kHardLimitBytes);
    // What one connection can make gRPC hold: it reads calls before anybody can refuse them, and each call costs more
    // the more there are. Further ones wait on the client's side (RFC 9113 section 5.1.2).
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsPerConnection);
    // A client that is gone without a word is found after some 15 s; clients may ping as often.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
    // Two servers on one port would share it silently.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port == 0) {
      server_ = nullptr;
      return absl::FailedPreconditionError(
          Cat("cannot serve gRPC on ", options.listen,
              ": another program has this port, or the address is not of this machine. --listen names another"));
    }
    SetServing(false);
    address_ = Cat(options.listen.substr(0, options.listen.rfind(':')), ":", port);
    return absl::OkStatus();
  }

  const std::string& address() const override { return address_; }
  void SetServing(bool serving) override { server_->GetHealthCheckService()->SetServingStatus(serving); }
  void Drain() override { wire_.streams.Drain(); }
  void Shutdown(absl::Duration patience) override {
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(patience));
    server_->Wait();
    server_ = nullptr;
  }

 private:
  static std::shared_ptr<grpc::ServerCredentials> Credentials(const RpcServerOptions& options) {
    if (options.tls_certificate.empty()) return grpc::InsecureServerCredentials();
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs.push_back({options.tls_key.Reveal(), options.tls_certificate});
    return grpc::SslServerCredentials(tls);
  }

  Wire wire_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RpcServer>> StartRpcServer(const RpcServerOptions& options, World& world,
                                                          Nursery& nursery, RpcObserver& observer) {
  auto server = std::make_unique<RpcServerImpl>(world, nursery, observer);
  if (absl::Status status = server->Start(options); !status.ok()) return status;
  return server;
}

}  // namespace authflow
