// What the wire tells whoever counts and logs calls. Knows no gRPC: codes are absl's, which have the same numbers.
#ifndef AUTHFLOW_SERVER_RPC_OBSERVER_H_
#define AUTHFLOW_SERVER_RPC_OBSERVER_H_

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "authflow/v1/flow.pb.h"
#include "server/base/error_class.h"
#include "server/base/uuid.h"

namespace authflow {

struct RpcMethod {
  const char* service;
  const char* name;
  bool streams = false;  // the server sends a stream
};

// Each method of the API, in the order of the services' files.
inline constexpr std::array<RpcMethod, 14> kRpcMethods = {{
    {"authflow.v1.FlowService", "StartFlow"},
    {"authflow.v1.FlowService", "RecordStep"},
    {"authflow.v1.FlowService", "FinishFlow"},
    {"authflow.v1.FlowService", "GetFlow"},
    {"authflow.v1.FlowService", "WatchFlow", true},
    {"authflow.v1.TokenService", "ExchangeCode"},
    {"authflow.v1.TokenService", "StartDeviceAuthorization"},
    {"authflow.v1.TokenService", "AwaitDevice"},
    {"authflow.v1.TokenService", "RefreshToken"},
    {"authflow.v1.TokenService", "RevokeToken"},
    {"authflow.v1.ApplicationService", "ListApplications"},
    {"authflow.v1.ApplicationService", "CreateApplication"},
    {"authflow.v1.CommandService", "StartCommand"},
    {"authflow.v1.CommandService", "FinishCommand"},
}};

// Index into kRpcMethods; the size of the array if there is no such method.
constexpr size_t RpcMethodIndex(std::string_view name) {
  size_t i = 0;
  while (i < kRpcMethods.size() && name != kRpcMethods[i].name) ++i;
  return i;
}

inline constexpr int kRpcCodes = 17;  // OK to UNAUTHENTICATED

// One call that has been answered. Nothing in it is secret.
struct RpcRecord {
  size_t method = 0;  // index into kRpcMethods
  absl::StatusCode code = absl::StatusCode::kOk;
  ErrorClass reason = v1::ERROR_CLASS_UNSPECIFIED;
  std::string message;                   // of the status
  std::optional<FlowId> flow_id;         // nullopt: outside a flow, or not known yet
  v1::Step step = v1::STEP_UNSPECIFIED;  // where the flow is
  std::string trace_id;                  // of the caller; empty: it named none
  absl::Duration latency;                // of a stream: its whole life
};

// Thread-safe, quick, never fails.
class RpcObserver {
 public:
  virtual ~RpcObserver() = default;
  virtual void OnRpcStarted(size_t method) = 0;
  virtual void OnRpcHandled(const RpcRecord& record) = 0;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_OBSERVER_H_
