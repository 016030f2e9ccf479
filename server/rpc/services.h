// The services of the API, one file each. Each checks a request's shape, calls its use case and replies.
#ifndef AUTHFLOW_SERVER_RPC_SERVICES_H_
#define AUTHFLOW_SERVER_RPC_SERVICES_H_

#include <grpcpp/impl/codegen/service_type.h>

#include <memory>

#include "server/flow/use_cases.h"
#include "server/rpc/wire.h"

namespace authflow {

// `wire` and `world` outlive the service and every call of it.
std::unique_ptr<grpc::Service> NewFlowService(Wire& wire, World& world);
std::unique_ptr<grpc::Service> NewTokenService(Wire& wire, World& world);
std::unique_ptr<grpc::Service> NewApplicationService(Wire& wire, World& world);
std::unique_ptr<grpc::Service> NewCommandService(Wire& wire, World& world);

// Tells the log which flow a call is about: the one of the token, if it is genuine.
void NoteFlow(const World& world, const Secret& flow_token, Note& note);
void NoteFlow(const Flow& flow, Note& note);
// For answers that say nothing of the flow: the step that they left it at, if we have the flow at hand.
void NoteStep(const World& world, Note& note);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_SERVICES_H_
