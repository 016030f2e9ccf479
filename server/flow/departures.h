// Clients whose watch broke and who may come back: the grace period of each.
#ifndef AUTHFLOW_SERVER_FLOW_DEPARTURES_H_
#define AUTHFLOW_SERVER_FLOW_DEPARTURES_H_

#include <cstddef>
#include <deque>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/flow/flow.h"

namespace authflow {

struct GraceOptions {
  // From the break of a watch to the end of its flow.
  absl::Duration grace = absl::Seconds(60);
  // When more than half of this replica's watches break within `window`, and at least `crowd` of them, it was a
  // balancer or a network and not the users: all grace periods stand still for `rest`.
  absl::Duration window = absl::Seconds(5);
  size_t crowd = 10;
  absl::Duration rest = absl::Seconds(60);
};

// The stream of attachment `attachment` broke when the log had `length` entries.
struct Departure {
  FlowId flow_id;
  int64_t attachment = 0;
  int64_t length = 0;
};

// Thread-safe; a break costs the same however many there are. One grace for all, so they are due in the order in which
// they came.
class Departures {
 public:
  explicit Departures(GraceOptions options) : options_(options) {}

  // A watch broke; `open` others of this replica are still open.
  void Broke(const Departure& departure, size_t open, absl::Time now);
  // Another grace period: the flow moved on, or could not be asked.
  void Again(const Departure& departure, absl::Time now);
  // Those whose grace has passed, the longest first; they are ours no longer.
  std::vector<Departure> TakeDue(absl::Time now, size_t limit);
  // How often the grace periods were made to rest.
  int rests() const;

 private:
  struct Waiting {
    absl::Time due;
    Departure departure;
  };
  void Arm(const Departure& departure, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Rest(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const GraceOptions options_;
  mutable absl::Mutex mutex_;
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  std::deque<absl::Time> breaks_ ABSL_GUARDED_BY(mutex_);  // of the last `window`
  absl::Time rest_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  int rests_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FLOW_DEPARTURES_H_
