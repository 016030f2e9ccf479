// Who watches which flow on this replica, the last known state to tell them, and who went away.
#ifndef AUTHFLOW_SERVER_FLOW_WATCH_HUB_H_
#define AUTHFLOW_SERVER_FLOW_WATCH_HUB_H_

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "server/base/clock.h"
#include "server/flow/departures.h"
#include "server/flow/flow_cache.h"

namespace authflow {

class WatchHub;

// One open WatchFlow; its life is its client's. Thread-safe.
class Watch {
 public:
  // A watch that ends while its flow goes on, that no newer one replaced and no drain ended, is a departure.
  ~Watch();
  // The newest state that was published; never null.
  SharedFlow Latest() const;
  // A newer watch of the same flow took over.
  bool replaced() const;

 private:
  friend class WatchHub;
  Watch(WatchHub* hub, SharedFlow flow, std::function<void()> changed);
  void Publish(SharedFlow flow);
  void Replace();

  WatchHub* const hub_;
  const FlowId id_;
  const int64_t attachment_;
  const std::function<void()> changed_;
  mutable absl::Mutex mutex_;
  SharedFlow latest_ ABSL_GUARDED_BY(mutex_);
  bool replaced_ ABSL_GUARDED_BY(mutex_) = false;
};

// Thread-safe; outlives its watches.
class WatchHub {
 public:
  explicit WatchHub(const Clock& clock, GraceOptions options = {}) : clock_(clock), departures_(options) {}

  // `flow` ends with the watch's own *attached*. `changed` is called after each change, from any thread, quickly; it
  // looks at Latest() and replaced(). An older watch of the flow is replaced.
  std::shared_ptr<Watch> Open(SharedFlow flow, std::function<void()> changed);
  // From now on watches end because this server does: no client is thought lost.
  void Drain();
  Departures& departures() { return departures_; }
  // Tells the watch of this flow, if there is one. Older news than it has is ignored.
  void Publish(SharedFlow flow);

 private:
  friend class Watch;
  void Close(Watch* watch);

  const Clock& clock_;
  Departures departures_;
  absl::Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<FlowId, std::weak_ptr<Watch>> watches_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FLOW_WATCH_HUB_H_
