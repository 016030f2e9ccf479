// Funnel events and invocations as the rows that keep them, and back.
#ifndef AUTHFLOW_SERVER_STORAGE_FUNNEL_CODEC_H_
#define AUTHFLOW_SERVER_STORAGE_FUNNEL_CODEC_H_

#include <cstdint>
#include <string>
#include <vector>

#include "authflow/v1/events.pb.h"
#include "authflow/v1/invocation.pb.h"
#include "server/base/uuid.h"
#include "server/events/event.h"

namespace authflow {

struct EncodedEvent {
  Uuid message_id;
  int64_t time = 0;  // microseconds since 1970
  bool numbered = true;
  std::string payload;
};

EncodedEvent Encode(const Event& event);
std::vector<EncodedEvent> Encode(const std::vector<Event>& events);

// What is stored of an invocation: nothing but its id when the person opted out.
struct EncodedInvocation {
  bool opted_out = false;
  std::string user_id;  // as claimed
  std::string base;
};

EncodedInvocation Encode(const v1::Invocation& invocation);
v1::Invocation DecodeInvocation(const InvocationId& id, bool opted_out, const std::string& base);

// The row of an event, with what the store gave it.
struct NumberedEvent {
  EncodedEvent event;
  int64_t sequence = 0;
  std::string user_id;
};

// Complete, as a sink wants it.
v1::FunnelEvent Decode(const NumberedEvent& row, const v1::Invocation& base);

// Which lane an invocation's events travel in. The same in every process and version.
int LaneOf(const InvocationId& id);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_FUNNEL_CODEC_H_
