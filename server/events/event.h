// The catalogue of funnel events: what each is called, what identifies it, what it says. Pure.
#ifndef AUTHFLOW_SERVER_EVENTS_EVENT_H_
#define AUTHFLOW_SERVER_EVENTS_EVENT_H_

#include <string>

#include "absl/time/time.h"
#include "authflow/v1/events.pb.h"
#include "server/base/uuid.h"

namespace authflow {

// An event before the store has numbered it. The store adds sequence, user and the invocation's base properties.
struct Event {
  Uuid message_id;       // UUIDv5 of the cause: the same cause is the same event
  absl::Time time;       // when it happened
  v1::FunnelEvent body;  // flow_id and the oneof; nothing else is set
  // An identify takes no number.
  bool numbered() const { return body.event_case() != v1::FunnelEvent::kIdentify; }
};

Event AuthStartedEvent(const FlowId& flow_id, v1::FlowKind kind, bool no_browser, absl::Time now);
// One message_id for all three ends: a flow that ends again (from a restored backup) is a duplicate, not a second end.
Event AuthCompletedEvent(const FlowId& flow_id, v1::FlowKind kind, absl::Duration duration, absl::Time now);
Event AuthAbortedEvent(const FlowId& flow_id, v1::FlowKind kind, v1::Step step, v1::AbortReason reason, absl::Time now);
Event AuthFailedEvent(const FlowId& flow_id, v1::FlowKind kind, v1::Step step, absl::Duration duration,
                      v1::ErrorClass error_class, absl::Time now);
// `number` is the entry that learned the user. Traits come sealed; empty when neither e-mail nor name is known.
Event IdentifyEvent(const FlowId& flow_id, int64_t number, std::string sealed_traits, absl::Time now);
Event CommandInvokedEvent(const std::string& product, const std::string& anonymous_id,
                          const InvocationId& invocation_id, absl::Time now);
Event CommandCompletedEvent(const std::string& product, const std::string& anonymous_id,
                            const InvocationId& invocation_id, v1::CommandCompleted completed, absl::Time now);
// `token_fingerprint` is a keyed hash of the refresh token (of the access token when there is no other).
Event AuthLogoutEvent(const std::string& token_fingerprint, absl::Time now);

// As events, metrics and logs spell them: "browser_wait", "" for unspecified; "login"; "user_cancelled".
const char* StepName(v1::Step step);
const char* KindName(v1::FlowKind kind);
const char* ReasonName(v1::AbortReason reason);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_EVENTS_EVENT_H_
