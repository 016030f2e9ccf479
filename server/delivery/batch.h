// What of a claim is sent at once. Pure.
#ifndef AUTHFLOW_SERVER_DELIVERY_BATCH_H_
#define AUTHFLOW_SERVER_DELIVERY_BATCH_H_

#include <string>
#include <vector>

#include "server/base/keys.h"
#include "server/delivery/outbox.h"

namespace authflow {

// One event, ready for a sink.
struct Letter {
  int64_t id = 0;
  std::string flow_id;  // empty outside a flow
  std::string message;
};

struct Batch {
  std::vector<Letter> letters;  // within the limits of sink.h, in order
  // What cannot be sent at all: "too_large"; "sealed" (none of our keys opens its traits); "unknown_event" (written by
  // a newer server).
  std::vector<DeadEvent> dead;
};

// Takes events in order as long as they fit; the rest stays in the outbox. What follows a dead event in its flow is
// left out: it is parked with it.
Batch MakeBatch(const std::vector<OutboxEvent>& events, const Keys& keys);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_DELIVERY_BATCH_H_
