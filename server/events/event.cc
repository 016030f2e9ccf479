#include "server/events/event.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "authflow/v1/flow.pb.h"

namespace authflow {
namespace {

// The name space of our message ids: a random UUID, fixed for ever.
constexpr Uuid kMessages = {
    {0x5f, 0x0c, 0x1d, 0x52, 0x8e, 0x6b, 0x4b, 0x1e, 0x9a, 0x37, 0x21, 0xd4, 0xc6, 0x90, 0x7b, 0xe3}};

Uuid FlowMessage(const FlowId& flow_id, const std::string& cause) {
  return Uuid::NameBased(kMessages, absl::StrCat(flow_id.ToString(), "/", cause));
}

Uuid CommandMessage(const std::string& product, const std::string& anonymous_id, const InvocationId& invocation_id,
                    const std::string& cause) {
  // None of the parts before the UUID can hold a control character, so that parts cannot run into one another.
  return Uuid::NameBased(kMessages,
                         absl::StrCat(product, "\n", anonymous_id, "\n", invocation_id.ToString(), "/", cause));
}

Event FlowEvent(const FlowId& flow_id, const std::string& cause, absl::Time now) {
  Event event{.message_id = FlowMessage(flow_id, cause), .time = now, .body = {}};
  event.body.set_flow_id(flow_id.ToString());
  return event;
}

void SetDuration(absl::Duration duration, google::protobuf::Duration* field) {
  if (duration < absl::ZeroDuration()) duration = absl::ZeroDuration();
  field->set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  field->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
}

}  // namespace

Event AuthStartedEvent(const FlowId& flow_id, v1::FlowKind kind, bool no_browser, absl::Time now) {
  Event event = FlowEvent(flow_id, "started", now);
  auto* started = event.body.mutable_auth_started();
  started->set_flow(kind);
  started->set_no_browser(no_browser);
  return event;
}

Event AuthCompletedEvent(const FlowId& flow_id, v1::FlowKind kind, absl::Duration duration, absl::Time now) {
  Event event = FlowEvent(flow_id, "ended", now);
  auto* completed = event.body.mutable_auth_completed();
  completed->set_flow(kind);
  SetDuration(duration, completed->mutable_duration());
  return event;
}

Event AuthAbortedEvent(const FlowId& flow_id, v1::FlowKind kind, v1::Step step, v1::AbortReason reason,
                       absl::Time now) {
  Event event = FlowEvent(flow_id, "ended", now);
  auto* aborted = event.body.mutable_auth_aborted();
  aborted->set_flow(kind);
  aborted->set_step(step);
  aborted->set_reason(reason);
  return event;
}

Event AuthFailedEvent(const FlowId& flow_id, v1::FlowKind kind, v1::Step step, absl::Duration duration,
                      v1::ErrorClass error_class, absl::Time now) {
  Event event = FlowEvent(flow_id, "ended", now);
  auto* failed = event.body.mutable_auth_failed();
  failed->set_flow(kind);
  failed->set_step(step);
  failed->set_error_class(error_class);
  SetDuration(duration, failed->mutable_duration());
  return event;
}

Event IdentifyEvent(const FlowId& flow_id, int64_t number, std::string sealed_traits, absl::Time now) {
  Event event = FlowEvent(flow_id, absl::StrCat(number), now);
  event.body.mutable_identify()->set_sealed_traits(std::move(sealed_traits));
  return event;
}

Event CommandInvokedEvent(const std::string& product, const std::string& anonymous_id,
                          const InvocationId& invocation_id, absl::Time now) {
  Event event{.message_id = CommandMessage(product, anonymous_id, invocation_id, "invoked"), .time = now, .body = {}};
  event.body.mutable_command_invoked();
  return event;
}

Event CommandCompletedEvent(const std::string& product, const std::string& anonymous_id,
                            const InvocationId& invocation_id, v1::CommandCompleted completed, absl::Time now) {
  Event event{.message_id = CommandMessage(product, anonymous_id, invocation_id, "completed"), .time = now, .body = {}};
  *event.body.mutable_command_completed() = std::move(completed);
  return event;
}

Event AuthLogoutEvent(const std::string& token_fingerprint, absl::Time now) {
  Event event{
      .message_id = Uuid::NameBased(kMessages, absl::StrCat(token_fingerprint, "/logout")), .time = now, .body = {}};
  event.body.mutable_auth_logout();
  return event;
}

const char* StepName(v1::Step step) {
  switch (step) {
    case v1::STEP_BROWSER_WAIT:
      return "browser_wait";
    case v1::STEP_CODE_EXCHANGE:
      return "code_exchange";
    case v1::STEP_APPS_FETCH:
      return "apps_fetch";
    case v1::STEP_APP_SELECT:
      return "app_select";
    case v1::STEP_APP_CREATE:
      return "app_create";
    case v1::STEP_PROFILE_CONFIGURE:
      return "profile_configure";
    default:
      return "";
  }
}

const char* KindName(v1::FlowKind kind) {
  switch (kind) {
    case v1::FLOW_KIND_LOGIN:
      return "login";
    case v1::FLOW_KIND_SIGNUP:
      return "signup";
    case v1::FLOW_KIND_REAUTHENTICATION:
      return "reauthentication";
    default:
      return "";
  }
}

const char* ReasonName(v1::AbortReason reason) {
  switch (reason) {
    case v1::ABORT_REASON_USER_CANCELLED:
      return "user_cancelled";
    case v1::ABORT_REASON_DENIED:
      return "denied";
    case v1::ABORT_REASON_CLIENT_LOST:
      return "client_lost";
    case v1::ABORT_REASON_EXPIRED:
      return "expired";
    default:
      return "";
  }
}

}  // namespace authflow
