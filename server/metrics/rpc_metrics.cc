#include "server/metrics/rpc_metrics.h"

namespace authflow {
namespace {

// As Go's codes.Code prints them.
constexpr std::array<const char*, kRpcCodes> kCodes = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

const prometheus::Histogram::BucketBoundaries kSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                          0.25,  0.5,    1,     2.5,  5,     10};

}  // namespace

RpcMetrics::RpcMetrics(prometheus::Registry& registry) {
  const std::vector<std::string> labels = {"grpc_type", "grpc_service", "grpc_method"};
  auto with_code = labels;
  with_code.push_back("grpc_code");
  Counters started(registry, "grpc_server_started_total", "RPCs started on the server.", labels);
  Counters handled(registry, "grpc_server_handled_total", "RPCs completed on the server, by code.", with_code);
  Histograms seconds(registry, "grpc_server_handling_seconds", "From the start of an RPC to its status.", labels,
                     kSeconds);
  for (size_t i = 0; i < methods_.size(); ++i) {
    const RpcMethod& method = kRpcMethods[i];
    const char* type = method.streams ? "server_stream" : "unary";
    methods_[i].started = &started.With({type, method.service, method.name});
    methods_[i].seconds = &seconds.With({type, method.service, method.name});
    for (int code = 0; code < kRpcCodes; ++code) {
      methods_[i].handled[code] = &handled.With({type, method.service, method.name, kCodes[code]});
    }
  }
}

void RpcMetrics::OnRpcHandled(const RpcRecord& record) {
  Method& method = methods_[record.method];
  const auto code = static_cast<size_t>(record.code);
  method.handled[code < kRpcCodes ? code : static_cast<size_t>(absl::StatusCode::kUnknown)]->Increment();
  method.seconds->Observe(absl::ToDoubleSeconds(record.latency));
}

}  // namespace authflow
