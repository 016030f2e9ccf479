// What delivery tells whoever counts.
#ifndef AUTHFLOW_SERVER_DELIVERY_DELIVERY_OBSERVER_H_
#define AUTHFLOW_SERVER_DELIVERY_DELIVERY_OBSERVER_H_

#include <string>

#include "absl/time/time.h"

namespace authflow {

// Thread-safe, quick.
class DeliveryObserver {
 public:
  virtual ~DeliveryObserver() = default;
  // One answer of a sink to a request with `events` events, `latency` after it was asked. `result` is one of
  //   "delivered"  the events are in the sink
  //   "retry"      nothing is known; they are sent again
  //   "refused"    the batch is going to be sent one by one
  //   "outage"     the sink refuses us: an alarm
  //   "dead"       the events are parked as dead letters (`latency` is 0 when the sink was not asked)
  // `reason` is "" when delivered, else a status number or a word; a bounded label. `sink` is Sink::kind().
  virtual void OnDelivery(const std::string& product, const std::string& sink, const std::string& result,
                          const std::string& reason, int events, absl::Duration latency) = 0;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_DELIVERY_DELIVERY_OBSERVER_H_
