// CommandService: one run of a tool, whether it signs anybody in or not.

#include <memory>
#include <utility>

#include "authflow/v1/command_service.grpc.pb.h"
#include "server/rpc/bridge.h"
#include "server/rpc/services.h"
#include "server/rpc/validate.h"

namespace authflow {
namespace {

Task<absl::StatusOr<v1::StartCommandResponse>> HandleStartCommand(World& world, v1::StartCommandRequest request,
                                                                  std::shared_ptr<Note> /*note*/) {
  if (absl::Status shape = Validate(request); !shape.ok()) co_return shape;
  std::string product = std::move(*request.mutable_product());
  v1::Invocation invocation = std::move(*request.mutable_invocation());
  absl::Status status = co_await StartCommand(world, std::move(product), std::move(invocation));
  if (!status.ok()) co_return status;
  co_return v1::StartCommandResponse();
}

Task<absl::StatusOr<v1::FinishCommandResponse>> HandleFinishCommand(World& world, v1::FinishCommandRequest request,
                                                                    std::shared_ptr<Note> /*note*/) {
  if (absl::Status shape = Validate(request); !shape.ok()) co_return shape;
  v1::CommandCompleted completed;
  completed.set_exit_code(request.exit_code());
  *completed.mutable_duration() = std::move(*request.mutable_duration());
  completed.set_error_class(std::move(*request.mutable_error_class()));
  completed.set_user_cancelled(request.user_cancelled());
  std::string product = std::move(*request.mutable_product());
  const InvocationId invocation = Uuid::Parse(request.invocation_id()).value_or(Uuid());
  absl::Status status = co_await FinishCommand(world, std::move(product), invocation, std::move(completed));
  if (!status.ok()) co_return status;
  co_return v1::FinishCommandResponse();
}

using Raw = v1::CommandService::WithRawCallbackMethod_StartCommand<
    v1::CommandService::WithRawCallbackMethod_FinishCommand<v1::CommandService::Service>>;

class CommandServiceImpl final : public Raw {
 public:
  CommandServiceImpl(Wire& wire, World& world) : wire_(wire), world_(world) {}

  grpc::ServerUnaryReactor* StartCommand(grpc::CallbackServerContext* rpc, const grpc::ByteBuffer* in,
                                         grpc::ByteBuffer* out) override {
    return ServeUnary(wire_, *rpc, RpcMethodIndex("StartCommand"), *in, out, &HandleStartCommand, world_);
  }
  grpc::ServerUnaryReactor* FinishCommand(grpc::CallbackServerContext* rpc, const grpc::ByteBuffer* in,
                                          grpc::ByteBuffer* out) override {
    return ServeUnary(wire_, *rpc, RpcMethodIndex("FinishCommand"), *in, out, &HandleFinishCommand, world_);
  }

 private:
  Wire& wire_;
  World& world_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewCommandService(Wire& wire, World& world) {
  return std::make_unique<CommandServiceImpl>(wire, world);
}

}  // namespace authflow
