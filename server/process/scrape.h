// The text of /metrics: what was counted, and what the store counts when it is asked.
#ifndef AUTHFLOW_SERVER_PROCESS_SCRAPE_H_
#define AUTHFLOW_SERVER_PROCESS_SCRAPE_H_

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/task.h"
#include "server/delivery/outbox.h"
#include "server/flow/flow_store.h"
#include "server/metrics/metrics.h"

namespace authflow {

// Thread-safe. All that it is given outlives it.
class Scrape {
 public:
  Scrape(Metrics& metrics, FlowStore& flows, Outbox& outbox, const Clock& clock, Executor executor)
      : metrics_(metrics), flows_(flows), outbox_(outbox), clock_(clock), executor_(executor) {}

  // Blocks while the store counts, at most once a second: not for the executor's threads. A store that cannot be had
  // leaves its gauges as they were.
  std::string Text();

 private:
  static Task<void> Count(Scrape* self);

  Metrics& metrics_;
  FlowStore& flows_;
  Outbox& outbox_;
  const Clock& clock_;
  const Executor executor_;
  absl::Mutex mutex_;
  absl::Time counted_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_SCRAPE_H_
