// The services of the API, one file each. Each checks a request's shape, calls its use case and replies.
#ifndef AUTHFLOW_SERVER_RPC_SERVICES_H_
#define AUTHFLOW_SERVER_RPC_SERVICES_H_

#include <grpcpp/impl/codegen/service_type.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/flow/use_cases.h"
#include "server/rpc/wire.h"

namespace authflow {

// `wire` and `world` outlive the service and every call of it.
std::unique_ptr<grpc::Service> NewFlowService(Wire& wire, World& world);
std::unique_ptr<grpc::Service> NewTokenService(Wire& wire, World& world);
std::unique_ptr<grpc::Service> NewApplicationService(Wire& wire, World& world);
std::unique_ptr<grpc::Service> NewCommandService(Wire& wire, World& world);

// The capability check, once a call: FLOW_TOKEN_INVALID, or what the rest of the call goes by. Takes what was sent, and
// tells the log which flow the call is about.
absl::StatusOr<FlowToken> OpenToken(const World& world, std::string* sent, Note& note);
void NoteFlow(const Flow& flow, Note& note);
// For answers that say nothing of the flow: the step that they left it at, if we have the flow at hand.
void NoteStep(const World& world, Note& note);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_SERVICES_H_
