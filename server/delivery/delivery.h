// The delivery loop: takes committed events out of the outbox, a lane at a time, and hands them to the product's sink.
#ifndef AUTHFLOW_SERVER_DELIVERY_DELIVERY_H_
#define AUTHFLOW_SERVER_DELIVERY_DELIVERY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/keys.h"
#include "server/base/task.h"
#include "server/delivery/delivery_observer.h"
#include "server/delivery/outbox.h"
#include "server/delivery/sink.h"

namespace authflow {

struct DeliveryOptions {
  // Of one product, at once. Their requests fill while others are under way, so a busy product sends larger batches.
  int lanes_in_flight = 8;
  int max_events = 250;
  // A lease is the sink's timeout and this: time to settle.
  absl::Duration lease_margin = absl::Seconds(15);
  // Between two rounds of `lanes_in_flight` claims (or of all lanes that had events) of a product whose batches are not
  // full: the next ones gather events meanwhile, and the store has fewer leases to write. A busy product's event waits
  // for some rounds (kLanes).
  absl::Duration gather = absl::Milliseconds(50);
  // How often a product looks for events that nobody announced: expired leases, events of another replica.
  absl::Duration poll = absl::Seconds(5);
};

class ProductDelivery;
class Living;

// Every event of a product with a sink is delivered at least once, in order within its lane, or parked as dead with its
// reason. A failure puts its lane off; other lanes and other products do not notice. Holds no thread: coroutines and
// timers on `executor`, of one product never two at once.
//
// Thread-safe. All that is passed by reference outlives the loop; `executor` outlives every frame on it; `observer` may
// be null.
class DeliveryLoop {
 public:
  DeliveryLoop(Outbox& outbox, const Clock& clock, const Keys& keys,
               absl::flat_hash_map<std::string, std::shared_ptr<Sink>> sinks, DeliveryObserver* observer,
               Executor executor, DeliveryOptions options = {});
  // Stops, with no patience.
  ~DeliveryLoop();

  // Once.
  void Start();

  // Claims nothing more and waits until nothing is in flight. Blocks: not for the executor's threads. False when sinks
  // have not answered after `at_most`: their leases are given up, so that another replica may deliver (again, with the
  // same messageIds). Either way no call of the outbox begins any more. What still hangs then is a frame that waits for
  // its sink: it ends with the sink's answer (the HTTP client's Stop gives one).
  bool Stop(absl::Duration at_most);

 private:
  const std::shared_ptr<Living> living_;
  const std::shared_ptr<Living> giving_up_;
  std::vector<std::shared_ptr<ProductDelivery>> products_;
  Outbox& outbox_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_DELIVERY_DELIVERY_H_
