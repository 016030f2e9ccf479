// Refusals: an absl::Status that carries a class of the taxonomy (protos/authflow/v1/error_class.proto).
//
// Inside the server every error is an absl::Status; what a person reads is its message, what machines read is its
// class. rpc/ turns it into a gRPC status with ErrorInfo. A message never carries a secret or an e-mail.
#ifndef AUTHFLOW_SERVER_BASE_ERROR_CLASS_H_
#define AUTHFLOW_SERVER_BASE_ERROR_CLASS_H_

#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "authflow/v1/error_class.pb.h"

namespace authflow {

using v1::ErrorClass;

// "FLOW_FINISHED": the value's name without its prefix, as in ErrorInfo.reason, events and metric labels.
// Points to static storage. "UNSPECIFIED" for the zero value.
const char* NameOf(ErrorClass error_class);

// The gRPC (= absl) code of the class, as its comment in the proto says. CLIENT_* and UNSPECIFIED: kUnknown.
absl::StatusCode CodeOf(ErrorClass error_class);

// True for CLIENT_*: what a client may claim in FinishFlow.
bool IsClientClass(ErrorClass error_class);

// A status with the class's code, the class, and facts for the caller's machine (ErrorInfo.metadata).
absl::Status Refusal(ErrorClass error_class, std::string_view message,
                     const std::map<std::string, std::string>& metadata = {});

// The class of a status; UNSPECIFIED for OK and for a status that did not come from Refusal.
ErrorClass ClassOf(const absl::Status& status);

// The metadata given to Refusal; empty otherwise.
std::map<std::string, std::string> MetadataOf(const absl::Status& status);

// Adds one fact to a refusal; any other status is returned as it is.
absl::Status WithMetadata(absl::Status status, std::string_view key, std::string_view value);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_ERROR_CLASS_H_
