#include "server/storage/funnel_codec.h"

#include "absl/time/time.h"
#include "server/delivery/outbox.h"

namespace authflow {

EncodedEvent Encode(const Event& event) {
  return {.message_id = event.message_id,
          .time = absl::ToUnixMicros(event.time),
          .numbered = event.numbered(),
          .payload = event.body.SerializeAsString()};
}

std::vector<EncodedEvent> Encode(const std::vector<Event>& events) {
  std::vector<EncodedEvent> encoded;
  encoded.reserve(events.size());
  for (const Event& event : events) encoded.push_back(Encode(event));
  return encoded;
}

EncodedInvocation Encode(const v1::Invocation& invocation) {
  if (invocation.do_not_track()) return {.opted_out = true};
  return {.user_id = invocation.user_id(), .base = invocation.SerializeAsString()};
}

v1::Invocation DecodeInvocation(const InvocationId& id, bool opted_out, const std::string& base) {
  v1::Invocation invocation;
  if (!opted_out) invocation.ParseFromString(base);
  if (invocation.invocation_id().empty()) invocation.set_invocation_id(id.ToString());
  invocation.set_do_not_track(opted_out);
  return invocation;
}

v1::FunnelEvent Decode(const NumberedEvent& row, const v1::Invocation& base) {
  v1::FunnelEvent event;
  event.ParseFromString(row.event.payload);
  event.set_message_id(row.event.message_id.ToString());
  constexpr int64_t kMicros = 1000000;
  int64_t seconds = row.event.time / kMicros;
  int64_t micros = row.event.time % kMicros;
  if (micros < 0) {
    --seconds;
    micros += kMicros;
  }
  event.mutable_time()->set_seconds(seconds);
  event.mutable_time()->set_nanos(static_cast<int32_t>(micros * 1000));
  event.set_sequence(row.sequence);
  event.set_user_id(row.user_id);
  *event.mutable_invocation() = base;
  return event;
}

int LaneOf(const InvocationId& id) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const uint8_t byte : id.bytes) hash = (hash ^ byte) * 1099511628211u;
  return static_cast<int>((hash >> 32) % kLanes);
}

}  // namespace authflow
