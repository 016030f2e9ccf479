// TokenService: what the provider issues.

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "authflow/v1/token_service.grpc.pb.h"
#include "server/rpc/bridge.h"
#include "server/rpc/convert.h"
#include "server/rpc/services.h"
#include "server/rpc/validate.h"

namespace authflow {
namespace {

Task<absl::StatusOr<v1::ExchangeCodeResponse>> HandleExchangeCode(World& world, v1::ExchangeCodeRequest request,
                                                                  std::shared_ptr<Note> note) {
  if (absl::Status shape = Validate(request); !shape.ok()) co_return shape;
  const absl::StatusOr<FlowToken> token = OpenToken(world, request.mutable_flow_token(), *note);
  if (!token.ok()) co_return token.status();
  Secret query(std::move(*request.mutable_redirect_query()));
  absl::StatusOr<SignedIn> signed_in = co_await ExchangeCode(world, *token, std::move(query));
  NoteStep(world, *note);
  if (!signed_in.ok()) co_return signed_in.status();
  v1::ExchangeCodeResponse response;
  *response.mutable_tokens() = ToProto(signed_in->tokens);
  *response.mutable_identity() = ToProto(signed_in->identity);
  co_return response;
}

Task<absl::StatusOr<v1::StartDeviceAuthorizationResponse>> HandleStartDeviceAuthorization(
    World& world, v1::StartDeviceAuthorizationRequest request, std::shared_ptr<Note> note) {
  if (absl::Status shape = Validate(request); !shape.ok()) co_return shape;
  const absl::StatusOr<FlowToken> token = OpenToken(world, request.mutable_flow_token(), *note);
  if (!token.ok()) co_return token.status();
  absl::StatusOr<StartedDevice> started = co_await StartDevice(world, *token);
  NoteStep(world, *note);
  if (!started.ok()) co_return started.status();
  v1::StartDeviceAuthorizationResponse response;
  response.set_user_code(started->user_code);
  response.set_verification_uri(started->verification_uri);
  response.set_verification_uri_complete(started->verification_uri_complete);
  response.mutable_expires_in()->set_seconds(absl::ToInt64Seconds(started->lasts));
  response.set_device_code(started->device_code.Reveal());
  co_return response;
}

Task<absl::StatusOr<v1::AwaitDeviceResponse>> HandleAwaitDevice(World& world, v1::AwaitDeviceRequest request,
                                                                std::shared_ptr<Note> note) {
  if (absl::Status shape = Validate(request); !shape.ok()) co_return shape;
  const absl::StatusOr<FlowToken> token = OpenToken(world, request.mutable_flow_token(), *note);
  if (!token.ok()) co_return token.status();
  Secret code(std::move(*request.mutable_device_code()));
  std::function<bool()> gone = [note] { return note->gone(); };
  absl::StatusOr<std::optional<SignedIn>> answer =
      co_await AwaitDevice(world, *token, std::move(code), std::move(gone));
  NoteStep(world, *note);
  if (!answer.ok()) co_return answer.status();
  v1::AwaitDeviceResponse response;
  if (*answer) {
    *response.mutable_tokens() = ToProto((*answer)->tokens);
    *response.mutable_identity() = ToProto((*answer)->identity);
  } else {
    response.set_pending(true);
  }
  co_return response;
}

Task<absl::StatusOr<v1::RefreshTokenResponse>> HandleRefreshToken(World& world, v1::RefreshTokenRequest request,
                                                                  std::shared_ptr<Note> /*note*/) {
  if (absl::Status shape = Validate(request); !shape.ok()) co_return shape;
  Secret refresh_token(std::move(*request.mutable_refresh_token()));
  std::string product = std::move(*request.mutable_product());
  absl::StatusOr<Tokens> tokens = co_await RefreshToken(world, std::move(product), std::move(refresh_token));
  if (!tokens.ok()) co_return tokens.status();
  v1::RefreshTokenResponse response;
  *response.mutable_tokens() = ToProto(*tokens);
  co_return response;
}

Task<absl::StatusOr<v1::RevokeTokenResponse>> HandleRevokeToken(World& world, v1::RevokeTokenRequest request,
                                                                std::shared_ptr<Note> /*note*/) {
  if (absl::Status shape = Validate(request); !shape.ok()) co_return shape;
  Tokens tokens = FromProto(std::move(*request.mutable_tokens()));
  std::optional<v1::Invocation> invocation;
  if (request.has_invocation()) invocation = std::move(*request.mutable_invocation());
  std::string product = std::move(*request.mutable_product());
  absl::StatusOr<bool> revoked =
      co_await RevokeToken(world, std::move(product), std::move(tokens), std::move(invocation));
  if (!revoked.ok()) co_return revoked.status();
  v1::RevokeTokenResponse response;
  response.set_revoked(*revoked);
  co_return response;
}

using RawDevice = v1::TokenService::WithRawCallbackMethod_StartDeviceAuthorization<
    v1::TokenService::WithRawCallbackMethod_AwaitDevice<v1::TokenService::Service>>;
using Raw = v1::TokenService::WithRawCallbackMethod_ExchangeCode<v1::TokenService::WithRawCallbackMethod_RefreshToken<
    v1::TokenService::WithRawCallbackMethod_RevokeToken<RawDevice>>>;

class TokenServiceImpl final : public Raw {
 public:
  TokenServiceImpl(Wire& wire, World& world) : wire_(wire), world_(world) {}

  grpc::ServerUnaryReactor* ExchangeCode(grpc::CallbackServerContext* rpc, const grpc::ByteBuffer* in,
                                         grpc::ByteBuffer* out) override {
    return ServeUnary(wire_, *rpc, RpcMethodIndex("ExchangeCode"), *in, out, &HandleExchangeCode, world_);
  }
  grpc::ServerUnaryReactor* StartDeviceAuthorization(grpc::CallbackServerContext* rpc, const grpc::ByteBuffer* in,
                                                     grpc::ByteBuffer* out) override {
    return ServeUnary(wire_, *rpc, RpcMethodIndex("StartDeviceAuthorization"), *in, out,
                      &HandleStartDeviceAuthorization, world_);
  }
  grpc::ServerUnaryReactor* AwaitDevice(grpc::CallbackServerContext* rpc, const grpc::ByteBuffer* in,
                                        grpc::ByteBuffer* out) override {
    return ServeUnary(wire_, *rpc, RpcMethodIndex("AwaitDevice"), *in, out, &HandleAwaitDevice, world_);
  }
  grpc::ServerUnaryReactor* RefreshToken(grpc::CallbackServerContext* rpc, const grpc::ByteBuffer* in,
                                         grpc::ByteBuffer* out) override {
    return ServeUnary(wire_, *rpc, RpcMethodIndex("RefreshToken"), *in, out, &HandleRefreshToken, world_);
  }
  grpc::ServerUnaryReactor* RevokeToken(grpc::CallbackServerContext* rpc, const grpc::ByteBuffer* in,
                                        grpc::ByteBuffer* out) override {
    return ServeUnary(wire_, *rpc, RpcMethodIndex("RevokeToken"), *in, out, &HandleRevokeToken, world_);
  }

 private:
  Wire& wire_;
  World& world_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewTokenService(Wire& wire, World& world) {
  return std::make_unique<TokenServiceImpl>(wire, world);
}

}  // namespace authflow
