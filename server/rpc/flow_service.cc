// FlowService: flows, from the start of a login to its single end.

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "authflow/v1/flow_service.grpc.pb.h"
#include "server/base/error_class.h"
#include "server/events/event.h"
#include "server/rpc/bridge.h"
#include "server/rpc/convert.h"
#include "server/rpc/services.h"
#include "server/rpc/validate.h"

namespace authflow {

absl::StatusOr<FlowToken> OpenToken(const World& world, std::string* sent, Note& note) {
  const Secret secret(std::move(*sent));
  absl::StatusOr<FlowToken> token = world.keys.OpenFlowToken(secret.Reveal());
  if (token.ok()) note.Set(token->flow_id());
  return token;
}

void NoteFlow(const Flow& flow, Note& note) { note.Set(flow.header.id, flow.step); }

void NoteStep(const World& world, Note& note) {
  const std::optional<FlowId> id = note.Get().flow_id;
  if (!id) return;
  if (const SharedFlow flow = world.cache.Get(*id)) NoteFlow(*flow, note);
}

namespace {

Task<absl::StatusOr<v1::StartFlowResponse>> HandleStartFlow(World& world, v1::StartFlowRequest request,
                                                            std::shared_ptr<Note> note) {
  if (absl::Status shape = Validate(request); !shape.ok()) co_return shape;
  NewFlow wanted = FromProto(std::move(request));
  wanted.ticket = note->TakeTicket();
  absl::StatusOr<OpenedFlow> opened = co_await StartFlow(world, std::move(wanted));
  if (!opened.ok()) {
    const auto metadata = MetadataOf(opened.status());
    const auto it = metadata.find("flow_id");
    if (const auto id = it == metadata.end() ? std::nullopt : Uuid::Parse(it->second)) note->Set(*id);
    co_return opened.status();
  }
  NoteFlow(*opened->flow, *note);
  v1::StartFlowResponse response;
  *response.mutable_flow() = ToProto(*opened->flow);
  response.set_flow_token(opened->token.Reveal());
  response.set_authorization_url(opened->authorization_url.Reveal());
  response.set_state(opened->state.Reveal());
  response.set_redirect_uri(opened->flow->header.redirect_uri);
  response.set_device_grant(opened->device_grant);
  co_return response;
}

Task<absl::StatusOr<v1::RecordStepResponse>> HandleRecordStep(World& world, v1::RecordStepRequest request,
                                                              std::shared_ptr<Note> note) {
  if (absl::Status shape = Validate(request); !shape.ok()) co_return shape;
  const absl::StatusOr<FlowToken> token = OpenToken(world, request.mutable_flow_token(), *note);
  if (!token.ok()) co_return token.status();
  absl::StatusOr<OpenedFlow> opened = co_await RecordStep(world, *token, request.step());
  if (!opened.ok()) {
    NoteStep(world, *note);
    co_return opened.status();
  }
  NoteFlow(*opened->flow, *note);
  v1::RecordStepResponse response;
  *response.mutable_flow() = ToProto(*opened->flow);
  response.set_authorization_url(opened->authorization_url.Reveal());
  response.set_state(opened->state.Reveal());
  co_return response;
}

Task<absl::StatusOr<v1::FinishFlowResponse>> HandleFinishFlow(World& world, v1::FinishFlowRequest request,
                                                              std::shared_ptr<Note> note) {
  if (absl::Status shape = Validate(request); !shape.ok()) co_return shape;
  const absl::StatusOr<FlowToken> token = OpenToken(world, request.mutable_flow_token(), *note);
  if (!token.ok()) co_return token.status();
  Outcome outcome = FromProto(request.outcome());
  absl::StatusOr<SharedFlow> flow = co_await FinishFlow(world, *token, std::move(outcome));
  if (!flow.ok()) {
    NoteStep(world, *note);
    co_return flow.status();
  }
  NoteFlow(**flow, *note);
  v1::FinishFlowResponse response;
  *response.mutable_flow() = ToProto(**flow);
  co_return response;
}

Task<absl::StatusOr<v1::GetFlowResponse>> HandleGetFlow(World& world, v1::GetFlowRequest request,
                                                        std::shared_ptr<Note> note) {
  if (absl::Status shape = Validate(request); !shape.ok()) co_return shape;
  const absl::StatusOr<FlowToken> token = OpenToken(world, request.mutable_flow_token(), *note);
  if (!token.ok()) co_return token.status();
  absl::StatusOr<SharedFlow> flow = co_await GetFlow(world, *token);
  if (!flow.ok()) co_return flow.status();
  NoteFlow(**flow, *note);
  v1::GetFlowResponse response;
  *response.mutable_flow() = ToProto(**flow);
  co_return response;
}

Task<absl::StatusOr<Look<v1::WatchFlowResponse>>> HandleWatchFlow(World& world, v1::WatchFlowRequest request,
                                                                  std::function<void()> changed,
                                                                  std::shared_ptr<Note> note) {
  if (absl::Status shape = Validate(request); !shape.ok()) co_return shape;
  const absl::StatusOr<FlowToken> token = OpenToken(world, request.mutable_flow_token(), *note);
  if (!token.ok()) co_return token.status();
  absl::StatusOr<Attachment> attachment = co_await WatchFlow(world, *token, std::move(changed));
  if (!attachment.ok()) co_return attachment.status();
  // The stream owns the watch: it is the client's sign of life, and ends with the stream.
  co_return [attachment = *std::move(attachment), note](bool draining) {
    const SharedFlow flow = attachment.watch == nullptr ? attachment.flow : attachment.watch->Latest();
    NoteFlow(*flow, *note);
    News<v1::WatchFlowResponse> news;
    *news.message.mutable_flow() = ToProto(*flow);
    if (!flow->outcome) {
      news.message.set_replaced(attachment.watch != nullptr && attachment.watch->replaced());
      news.message.set_draining(draining && !news.message.replaced());
    }
    news.last = flow->outcome.has_value() || news.message.replaced() || draining;
    return news;
  };
}

using Raw = v1::FlowService::WithRawCallbackMethod_StartFlow<v1::FlowService::WithRawCallbackMethod_RecordStep<
    v1::FlowService::WithRawCallbackMethod_FinishFlow<v1::FlowService::WithRawCallbackMethod_GetFlow<
        v1::FlowService::WithRawCallbackMethod_WatchFlow<v1::FlowService::Service>>>>>;

class FlowServiceImpl final : public Raw {
 public:
  FlowServiceImpl(Wire& wire, World& world) : wire_(wire), world_(world) {}

  grpc::ServerUnaryReactor* StartFlow(grpc::CallbackServerContext* rpc, const grpc::ByteBuffer* in,
                                      grpc::ByteBuffer* out) override {
    constexpr size_t kMethod = RpcMethodIndex("StartFlow");
    // In a flood gRPC may bring a call after its deadline: a flow that nobody waits for is not begun.
    const bool late = rpc->deadline() <= std::chrono::system_clock::now();
    Admission::Ticket ticket = late ? nullptr : wire_.starts.Enter(Admission::Clock::now());
    if (ticket == nullptr) return RefuseBusy(wire_, *rpc, kMethod);
    return ServeUnary(wire_, *rpc, kMethod, *in, out, &HandleStartFlow, world_, std::move(ticket));
  }
  grpc::ServerUnaryReactor* RecordStep(grpc::CallbackServerContext* rpc, const grpc::ByteBuffer* in,
                                       grpc::ByteBuffer* out) override {
    return ServeUnary(wire_, *rpc, RpcMethodIndex("RecordStep"), *in, out, &HandleRecordStep, world_);
  }
  grpc::ServerUnaryReactor* FinishFlow(grpc::CallbackServerContext* rpc, const grpc::ByteBuffer* in,
                                       grpc::ByteBuffer* out) override {
    return ServeUnary(wire_, *rpc, RpcMethodIndex("FinishFlow"), *in, out, &HandleFinishFlow, world_);
  }
  grpc::ServerUnaryReactor* GetFlow(grpc::CallbackServerContext* rpc, const grpc::ByteBuffer* in,
                                    grpc::ByteBuffer* out) override {
    return ServeUnary(wire_, *rpc, RpcMethodIndex("GetFlow"), *in, out, &HandleGetFlow, world_);
  }
  grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchFlow(grpc::CallbackServerContext* rpc,
                                                        const grpc::ByteBuffer* in) override {
    return ServeStream(wire_, *rpc, RpcMethodIndex("WatchFlow"), *in, &HandleWatchFlow, world_);
  }

 private:
  Wire& wire_;
  World& world_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewFlowService(Wire& wire, World& world) {
  return std::make_unique<FlowServiceImpl>(wire, world);
}

}  // namespace authflow
