// Shape checks: what can be said of a request without asking anybody. The limits stand in the proto comments.
//
// Each returns OK or INVALID_REQUEST with a sentence that begins with the field's path ("invocation.command:
// required"), and never repeats the field's value. What a use case has an error class of its own for is left to it.
#ifndef AUTHFLOW_SERVER_RPC_VALIDATE_H_
#define AUTHFLOW_SERVER_RPC_VALIDATE_H_

#include <cstddef>

#include "absl/status/status.h"
#include "authflow/v1/application_service.pb.h"
#include "authflow/v1/command_service.pb.h"
#include "authflow/v1/flow_service.pb.h"
#include "authflow/v1/token_service.pb.h"

namespace authflow {

// Of one encoded request. Larger than any well-formed one, three tokens of 16 KiB included.
inline constexpr size_t kMaxRequestBytes = 64 * 1024;

absl::Status Validate(const v1::StartFlowRequest& request);
absl::Status Validate(const v1::RecordStepRequest& request);
absl::Status Validate(const v1::FinishFlowRequest& request);
absl::Status Validate(const v1::GetFlowRequest& request);
absl::Status Validate(const v1::WatchFlowRequest& request);
absl::Status Validate(const v1::ExchangeCodeRequest& request);
absl::Status Validate(const v1::StartDeviceAuthorizationRequest& request);
absl::Status Validate(const v1::AwaitDeviceRequest& request);
absl::Status Validate(const v1::RefreshTokenRequest& request);
absl::Status Validate(const v1::RevokeTokenRequest& request);
absl::Status Validate(const v1::ListApplicationsRequest& request);
absl::Status Validate(const v1::CreateApplicationRequest& request);
absl::Status Validate(const v1::StartCommandRequest& request);
absl::Status Validate(const v1::FinishCommandRequest& request);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_VALIDATE_H_
