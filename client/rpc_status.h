// What a gRPC status says, as an absl::Status with the server's class and metadata.
#ifndef AUTHFLOW_CLIENT_RPC_STATUS_H_
#define AUTHFLOW_CLIENT_RPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace authflow {

// With a google.rpc.ErrorInfo of domain "authflow" in grpc-status-details-bin: a refusal with its class and metadata. A
// class that this client does not know yet is a status without a class. What a stranger on the way answers (a proxy) is
// as well.
absl::Status FromGrpc(const grpc::Status& status);

// The call may be sent again: the way to the server failed, its store was away, or it was busy.
bool IsWorthRetrying(const absl::Status& status);

// How long to wait before that at least, as its google.rpc.RetryInfo says: 0 (none) to 60 s.
absl::Duration PauseOf(const grpc::Status& status);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_RPC_STATUS_H_
