#include "server/events/segment.h"

#include <cstdint>
#include <string_view>

#include "server/base/error_class.h"
#include "server/events/event.h"

namespace authflow {
namespace {

using Json = nlohmann::ordered_json;

int64_t Milliseconds(const google::protobuf::Duration& duration) {
  return duration.seconds() * 1000 + duration.nanos() / 1'000'000;
}

// The event's own properties.
void WriteOwn(const v1::FunnelEvent& event, Json& properties) {
  switch (event.event_case()) {
    case v1::FunnelEvent::kCommandCompleted: {
      const auto& completed = event.command_completed();
      properties["succeeded"] = completed.exit_code() == 0;
      properties["exit_code"] = completed.exit_code();
      properties["duration_ms"] = Milliseconds(completed.duration());
      // Only on error, and then both: a query needs to ask for one condition alone.
      if (completed.exit_code() != 0) {
        properties["error_class"] = completed.error_class();
        properties["user_cancelled"] = completed.user_cancelled();
      }
      break;
    }
    case v1::FunnelEvent::kAuthStarted:
      properties["flow"] = KindName(event.auth_started().flow());
      properties["no_browser"] = event.auth_started().no_browser();
      break;
    case v1::FunnelEvent::kAuthCompleted:
      properties["flow"] = KindName(event.auth_completed().flow());
      properties["duration_ms"] = Milliseconds(event.auth_completed().duration());
      break;
    case v1::FunnelEvent::kAuthAborted:
      properties["flow"] = KindName(event.auth_aborted().flow());
      properties["step"] = StepName(event.auth_aborted().step());
      properties["reason"] = ReasonName(event.auth_aborted().reason());
      break;
    case v1::FunnelEvent::kAuthFailed:
      properties["flow"] = KindName(event.auth_failed().flow());
      properties["step"] = StepName(event.auth_failed().step());
      properties["duration_ms"] = Milliseconds(event.auth_failed().duration());
      properties["error_class"] = NameOf(event.auth_failed().error_class());
      break;
    case v1::FunnelEvent::kAuthLogout:
      properties["flow"] = "logout";
      break;
    case v1::FunnelEvent::kCommandInvoked:
    case v1::FunnelEvent::kIdentify:
    case v1::FunnelEvent::EVENT_NOT_SET:
      break;
  }
}

int IsCi(const v1::Invocation& invocation) { return invocation.is_ci() ? 1 : 0; }

// Flags are null when there are none, as they always were; all strings are "" when unknown.
void WriteBase(const v1::FunnelEvent& event, Json& properties) {
  const auto& invocation = event.invocation();
  properties["invocation_id"] = invocation.invocation_id();
  properties["app_id"] = invocation.app_id();
  properties["command"] = invocation.command();
  Json flags = nullptr;
  for (const auto& flag : invocation.flags()) flags.push_back(flag);
  properties["flags"] = flags;
  properties["sequence"] = event.sequence();
  properties["cli_context"] = invocation.cli_context();
  properties["version"] = invocation.version();
  properties["operating_system"] = invocation.operating_system();
  properties["configured_applications"] = invocation.configured_applications();
  properties["is_ci"] = IsCi(invocation);
}

// An unknown trait is left out: null would clear it downstream.
Json Traits(const v1::Invocation& invocation, const std::optional<v1::IdentityTraits>& known) {
  Json traits = Json::object();
  traits["configured_applications"] = invocation.configured_applications();
  traits["version"] = invocation.version();
  traits["operating_system"] = invocation.operating_system();
  traits["is_ci"] = IsCi(invocation);
  if (known && !known->email().empty()) traits["email"] = known->email();
  if (known && !known->name().empty()) traits["name"] = known->name();
  return traits;
}

}  // namespace

std::string_view EventName(const v1::FunnelEvent& event) {
  switch (event.event_case()) {
    case v1::FunnelEvent::kCommandInvoked:
      return "Command Invoked";
    case v1::FunnelEvent::kCommandCompleted:
      return "Command Completed";
    case v1::FunnelEvent::kAuthStarted:
      return "CLI Auth Started";
    case v1::FunnelEvent::kAuthCompleted:
      return "CLI Auth Completed";
    case v1::FunnelEvent::kAuthAborted:
      return "CLI Auth Aborted";
    case v1::FunnelEvent::kAuthFailed:
      return "CLI Auth Failed";
    case v1::FunnelEvent::kAuthLogout:
      return "CLI Auth Logout";
    case v1::FunnelEvent::kIdentify:
      return "identify";
    case v1::FunnelEvent::EVENT_NOT_SET:
      break;
  }
  return "";
}

std::string SegmentTime(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone()); }

Json ToSegment(const v1::FunnelEvent& event, const std::optional<v1::IdentityTraits>& traits) {
  const bool identify = event.event_case() == v1::FunnelEvent::kIdentify;
  Json message = Json::object();
  message["type"] = identify ? "identify" : "track";
  message["messageId"] = event.message_id();
  message["anonymousId"] = event.invocation().anonymous_id();
  if (!event.user_id().empty()) message["userId"] = event.user_id();
  const std::string timestamp =
      SegmentTime(absl::FromUnixSeconds(event.time().seconds()) + absl::Nanoseconds(event.time().nanos()));
  if (identify) {
    message["timestamp"] = timestamp;
    message["traits"] = Traits(event.invocation(), traits);
    return message;
  }
  Json properties = Json::object();
  message["event"] = EventName(event);
  WriteOwn(event, properties);
  if (!event.flow_id().empty()) properties["flow_id"] = event.flow_id();
  WriteBase(event, properties);
  message["timestamp"] = timestamp;
  message["properties"] = std::move(properties);
  return message;
}

}  // namespace authflow
