// E-mail and name of an identify: sealed from the moment they are known until they are delivered.
#ifndef AUTHFLOW_SERVER_EVENTS_TRAITS_H_
#define AUTHFLOW_SERVER_EVENTS_TRAITS_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "authflow/v1/events.pb.h"
#include "server/base/keys.h"
#include "server/base/uuid.h"

namespace authflow {

// For IdentifyEvent: empty when neither e-mail nor name is known. The seal is bound to the flow: it opens in no other's
// event.
std::string SealTraits(const Keys& keys, const FlowId& flow_id, const v1::IdentityTraits& traits);

// What was sealed in the event; nullopt for other events and when nothing was known. DATA_LOSS: none of our keys opens
// it.
absl::StatusOr<std::optional<v1::IdentityTraits>> OpenTraits(const Keys& keys, const v1::FunnelEvent& event);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_EVENTS_TRAITS_H_
