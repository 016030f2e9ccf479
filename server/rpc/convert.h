// Between the public messages and what the use cases speak. Requests have passed Validate.
#ifndef AUTHFLOW_SERVER_RPC_CONVERT_H_
#define AUTHFLOW_SERVER_RPC_CONVERT_H_

#include "absl/time/time.h"
#include "authflow/v1/application_service.pb.h"
#include "authflow/v1/flow.pb.h"
#include "authflow/v1/flow_service.pb.h"
#include "authflow/v1/token_service.pb.h"
#include "server/flow/use_cases.h"

namespace authflow {

google::protobuf::Timestamp ToProto(absl::Time time);
v1::Flow ToProto(const Flow& flow);
v1::Application ToProto(const Application& application);
v1::Tokens ToProto(const Tokens& tokens);
v1::Identity ToProto(const Identity& identity);

NewFlow FromProto(v1::StartFlowRequest request);
Outcome FromProto(const v1::Outcome& outcome);
Tokens FromProto(v1::Tokens tokens);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_CONVERT_H_
