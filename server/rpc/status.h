// The one place where a refusal becomes a gRPC status.
#ifndef AUTHFLOW_SERVER_RPC_STATUS_H_
#define AUTHFLOW_SERVER_RPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace authflow {

// When a caller that was refused with SERVER_BUSY may try again.
inline constexpr absl::Duration kBusyPause = absl::Milliseconds(500);

// Code and message of `status`. A status with a class carries, as google.rpc.Status details, one
// google.rpc.ErrorInfo{reason: the class's name, domain: "authflow", metadata}, and with SERVER_BUSY a
// google.rpc.RetryInfo. One without a class has no details.
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_STATUS_H_
