// A funnel event as Segment's HTTP tracking API wants it
// (https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/).
#ifndef AUTHFLOW_SERVER_EVENTS_SEGMENT_H_
#define AUTHFLOW_SERVER_EVENTS_SEGMENT_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "authflow/v1/events.pb.h"

namespace authflow {

// One message of a batch: "track" or "identify"; docs/events.md says which fields it has. `traits` are the opened
// traits of an identify (nullopt for others, or when there are none). Base properties are written last: no event
// property overrides them. The event has its body set. Pure.
nlohmann::ordered_json ToSegment(const v1::FunnelEvent& event, const std::optional<v1::IdentityTraits>& traits);

// As analysts know it: "CLI Auth Started", "identify".
std::string_view EventName(const v1::FunnelEvent& event);

// As Segment wants times: RFC 3339 with milliseconds, UTC.
std::string SegmentTime(absl::Time time);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_EVENTS_SEGMENT_H_
