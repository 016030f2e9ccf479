#include "server/rpc/convert.h"

#include <utility>
#include <variant>

namespace authflow {
namespace {

absl::Time TimeFromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

v1::Outcome OutcomeToProto(const Outcome& outcome, absl::Time end) {
  v1::Outcome proto;
  if (std::holds_alternative<Completed>(outcome)) {
    proto.mutable_completed();
  } else if (const auto* aborted = std::get_if<Aborted>(&outcome)) {
    proto.mutable_aborted()->set_reason(aborted->reason);
  } else if (const auto* failed = std::get_if<Failed>(&outcome)) {
    proto.mutable_failed()->set_error_class(failed->error_class);
  }
  *proto.mutable_end_time() = ToProto(end);
  return proto;
}

}  // namespace

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp proto;
  const int64_t seconds = absl::ToUnixSeconds(time);  // rounds down
  proto.set_seconds(seconds);
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return proto;
}

v1::Flow ToProto(const Flow& flow) {
  v1::Flow proto;
  proto.set_flow_id(flow.header.id.ToString());
  proto.set_product(flow.header.product);
  proto.set_kind(flow.header.kind);
  proto.set_step(flow.step);
  *proto.mutable_start_time() = ToProto(flow.header.start);
  *proto.mutable_expire_time() = ToProto(flow.outcome ? flow.header.expire : flow.DueAt());
  if (flow.outcome) *proto.mutable_outcome() = OutcomeToProto(*flow.outcome, flow.end);
  proto.set_attempt(flow.attempt);
  return proto;
}

v1::Application ToProto(const Application& application) {
  v1::Application proto;
  proto.set_id(application.id);
  proto.set_name(application.name);
  proto.set_region(application.region);
  *proto.mutable_create_time() = ToProto(application.create_time);
  return proto;
}

v1::Tokens ToProto(const Tokens& tokens) {
  v1::Tokens proto;
  proto.set_access_token(tokens.access_token.Reveal());
  proto.set_refresh_token(tokens.refresh_token.Reveal());
  proto.set_id_token(tokens.id_token.Reveal());
  if (tokens.expire) *proto.mutable_expire_time() = ToProto(*tokens.expire);
  for (const auto& scope : tokens.scopes) proto.add_scopes(scope);
  return proto;
}

v1::Identity ToProto(const Identity& identity) {
  v1::Identity proto;
  proto.set_user_id(identity.user_id);
  proto.set_email(identity.email);
  proto.set_name(identity.name);
  return proto;
}

NewFlow FromProto(v1::StartFlowRequest request) {
  NewFlow flow;
  flow.request_id = Uuid::Parse(request.request_id()).value_or(Uuid());
  flow.product = std::move(*request.mutable_product());
  flow.kind = request.kind();
  flow.redirect_uri = std::move(*request.mutable_redirect_uri());
  flow.no_browser = request.no_browser();
  flow.invocation = std::move(*request.mutable_invocation());
  flow.login_hint = std::move(*request.mutable_login_hint());
  return flow;
}

Outcome FromProto(const v1::Outcome& outcome) {
  if (outcome.has_aborted()) return Aborted{outcome.aborted().reason()};
  if (outcome.has_failed()) return Failed{outcome.failed().error_class()};
  return Completed{};
}

Tokens FromProto(v1::Tokens proto) {
  Tokens tokens;
  tokens.access_token = Secret(std::move(*proto.mutable_access_token()));
  tokens.refresh_token = Secret(std::move(*proto.mutable_refresh_token()));
  tokens.id_token = Secret(std::move(*proto.mutable_id_token()));
  if (proto.has_expire_time()) tokens.expire = TimeFromProto(proto.expire_time());
  for (auto& scope : *proto.mutable_scopes()) tokens.scopes.push_back(std::move(scope));
  return tokens;
}

}  // namespace authflow
