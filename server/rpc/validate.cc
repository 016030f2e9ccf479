#include "server/rpc/validate.h"

#include <limits>
#include <string>

#include "server/base/error_class.h"
#include "server/base/text.h"
#include "server/rpc/shape.h"

namespace authflow {
namespace {

constexpr auto kRequired = Presence::kRequired;
constexpr auto kOptional = Presence::kOptional;

constexpr size_t kMaxText = 256;
constexpr size_t kMaxToken = 16 * 1024;
constexpr size_t kMaxQuery = 8 * 1024;
constexpr size_t kMaxFlags = 32;

// An unknown product has a class of its own; this only keeps its name printable.
void CheckProduct(Shape& shape, const std::string& product) { shape.Text("product", product, kRequired, kMaxText); }

// A token of another form than ours is FLOW_TOKEN_INVALID, which is not for here to say.
void CheckFlowToken(Shape& shape, const std::string& token) { shape.Bytes("flow_token", token, kRequired, kMaxToken); }

void CheckInvocation(Shape& shape, const v1::Invocation& invocation) {
  shape.RandomUuid("invocation.invocation_id", invocation.invocation_id());
  shape.Text("invocation.anonymous_id", invocation.anonymous_id(), invocation.do_not_track() ? kOptional : kRequired,
             kMaxText);
  shape.Text("invocation.user_id", invocation.user_id(), kOptional, kMaxText);
  shape.Text("invocation.app_id", invocation.app_id(), kOptional, kMaxText);
  shape.Text("invocation.command", invocation.command(), kRequired, kMaxText);
  shape.Range("invocation.flags", invocation.flags_size(), 0, kMaxFlags);
  for (int i = 0; i < invocation.flags_size(); ++i) {
    shape.Text(Cat("invocation.flags[", i, "]"), invocation.flags(i), kRequired, kMaxText);
  }
  shape.Text("invocation.cli_context", invocation.cli_context(), kOptional, kMaxText);
  shape.Text("invocation.version", invocation.version(), kOptional, kMaxText);
  shape.Text("invocation.operating_system", invocation.operating_system(), kOptional, kMaxText);
  shape.Range("invocation.configured_applications", invocation.configured_applications(), 0,
              std::numeric_limits<int32_t>::max());
}

bool IsWordCharacter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '*';
}

}  // namespace

absl::Status Validate(const v1::StartFlowRequest& request) {
  Shape shape;
  shape.RandomUuid("request_id", request.request_id());
  CheckProduct(shape, request.product());
  shape.Holds(request.kind() != v1::FLOW_KIND_UNSPECIFIED, "kind", "required");
  shape.Holds(v1::FlowKind_IsValid(request.kind()), "kind", "unknown value");
  shape.Text("redirect_uri", request.redirect_uri(), kOptional, 512);
  shape.Holds(request.has_invocation(), "invocation", "required");
  CheckInvocation(shape, request.invocation());
  shape.Text("login_hint", request.login_hint(), kOptional, 254);
  return shape.status();
}

absl::Status Validate(const v1::RecordStepRequest& request) {
  Shape shape;
  CheckFlowToken(shape, request.flow_token());
  shape.Holds(request.step() != v1::STEP_UNSPECIFIED, "step", "required");
  shape.Holds(v1::Step_IsValid(request.step()), "step", "unknown value");
  return shape.status();
}

absl::Status Validate(const v1::FinishFlowRequest& request) {
  Shape shape;
  CheckFlowToken(shape, request.flow_token());
  const v1::Outcome& outcome = request.outcome();
  switch (outcome.how_case()) {
    case v1::Outcome::kCompleted:
      break;
    case v1::Outcome::kAborted:
      shape.Holds(v1::AbortReason_IsValid(outcome.aborted().reason()), "outcome.aborted.reason", "unknown value");
      shape.Holds(outcome.aborted().reason() == v1::ABORT_REASON_USER_CANCELLED, "outcome.aborted.reason",
                  "a client can only say ABORT_REASON_USER_CANCELLED");
      break;
    case v1::Outcome::kFailed: {
      const ErrorClass error_class = outcome.failed().error_class();
      shape.Holds(v1::ErrorClass_IsValid(error_class), "outcome.failed.error_class", "unknown value");
      shape.Holds(error_class == v1::ERROR_CLASS_UNSPECIFIED || IsClientClass(error_class),
                  "outcome.failed.error_class",
                  "a client can only say ERROR_CLASS_CLIENT_*, or nothing for the server's last refusal");
      break;
    }
    case v1::Outcome::HOW_NOT_SET:
      shape.Holds(false, "outcome", "required: one of completed, aborted and failed");
  }
  return shape.status();
}

absl::Status Validate(const v1::GetFlowRequest& request) {
  Shape shape;
  CheckFlowToken(shape, request.flow_token());
  return shape.status();
}

absl::Status Validate(const v1::WatchFlowRequest& request) {
  Shape shape;
  CheckFlowToken(shape, request.flow_token());
  return shape.status();
}

absl::Status Validate(const v1::ExchangeCodeRequest& request) {
  Shape shape;
  CheckFlowToken(shape, request.flow_token());
  // Its content is REDIRECT_MALFORMED or good.
  shape.Bytes("redirect_query", request.redirect_query(), kOptional, kMaxQuery);
  return shape.status();
}

absl::Status Validate(const v1::StartDeviceAuthorizationRequest& request) {
  Shape shape;
  CheckFlowToken(shape, request.flow_token());
  return shape.status();
}

absl::Status Validate(const v1::AwaitDeviceRequest& request) {
  Shape shape;
  CheckFlowToken(shape, request.flow_token());
  shape.Text("device_code", request.device_code(), kRequired, kMaxToken);
  return shape.status();
}

absl::Status Validate(const v1::RefreshTokenRequest& request) {
  Shape shape;
  CheckProduct(shape, request.product());
  shape.Text("refresh_token", request.refresh_token(), kRequired, kMaxToken);
  return shape.status();
}

absl::Status Validate(const v1::RevokeTokenRequest& request) {
  Shape shape;
  CheckProduct(shape, request.product());
  const v1::Tokens& tokens = request.tokens();
  shape.Holds(!tokens.refresh_token().empty() || !tokens.access_token().empty(), "tokens",
              "at least one of refresh_token and access_token is required");
  shape.Text("tokens.access_token", tokens.access_token(), kOptional, kMaxToken);
  shape.Text("tokens.refresh_token", tokens.refresh_token(), kOptional, kMaxToken);
  shape.Text("tokens.id_token", tokens.id_token(), kOptional, kMaxToken);
  if (request.has_invocation()) CheckInvocation(shape, request.invocation());
  return shape.status();
}

absl::Status Validate(const v1::ListApplicationsRequest& request) {
  Shape shape;
  CheckProduct(shape, request.product());
  shape.Text("access_token", request.access_token(), kOptional, kMaxToken);
  shape.Bytes("flow_token", request.flow_token(), kOptional, kMaxToken);
  shape.Holds(request.page_size() >= 0, "page_size", "must not be negative");
  shape.Text("page_token", request.page_token(), kOptional, 1024);
  return shape.status();
}

absl::Status Validate(const v1::CreateApplicationRequest& request) {
  Shape shape;
  shape.RandomUuid("request_id", request.request_id());
  CheckProduct(shape, request.product());
  shape.Text("access_token", request.access_token(), kOptional, kMaxToken);
  shape.Bytes("flow_token", request.flow_token(), kOptional, kMaxToken);
  // The rules of a name are APPLICATION_NAME_INVALID's.
  shape.Bytes("name", request.name(), kOptional, 1024);
  shape.Text("region", request.region(), kOptional, 64);
  return shape.status();
}

absl::Status Validate(const v1::StartCommandRequest& request) {
  Shape shape;
  CheckProduct(shape, request.product());
  shape.Holds(request.has_invocation(), "invocation", "required");
  CheckInvocation(shape, request.invocation());
  return shape.status();
}

absl::Status Validate(const v1::FinishCommandRequest& request) {
  Shape shape;
  CheckProduct(shape, request.product());
  shape.RandomUuid("invocation_id", request.invocation_id());
  shape.Range("exit_code", request.exit_code(), 0, 255);
  const auto& duration = request.duration();
  shape.Holds(duration.seconds() >= 0 && duration.nanos() >= 0, "duration", "must not be negative");
  shape.Holds(duration.seconds() <= 315'576'000'000 && duration.nanos() <= 999'999'999, "duration",
              "not a google.protobuf.Duration");
  shape.Bytes("error_class", request.error_class(), kOptional, 64);
  for (const char c : request.error_class()) {
    shape.Holds(IsWordCharacter(c), "error_class", "only A-Z, a-z, 0-9, '_', '.' and '*'");
  }
  return shape.status();
}

}  // namespace authflow
