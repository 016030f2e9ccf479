// The page /funnel while the server serves: what it costs is bounded, whoever asks and however often.
#ifndef AUTHFLOW_SERVER_PROCESS_FUNNEL_PAGE_H_
#define AUTHFLOW_SERVER_PROCESS_FUNNEL_PAGE_H_

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/task.h"
#include "server/flow/flow_store.h"
#include "server/funnel/funnel.h"
#include "server/process/http_listener.h"

namespace authflow {

// Thread-safe. All that it is given outlives it.
class FunnelPage {
 public:
  // `products`: those that may be asked for before anybody signed in to them.
  FunnelPage(FlowStore& flows, std::set<std::string> products, const Clock& clock, Executor executor)
      : flows_(flows), products_(std::move(products)), clock_(clock), executor_(executor) {}

  // `window` is a name of kPageWindows, or empty; `product` empty: all. 404 for what is neither. Blocks the one caller
  // who has to count: not for the executor's threads. Meanwhile others get the numbers before, or 503. Numbers are
  // counted anew after 5 s, and not before twenty times as long has passed as counting took; the store is read in
  // slices with room for others between.
  HttpPage Show(const std::string& window, const std::string& product);

  // No more counting, and what is being counted ends soon: a drain does not wait for it.
  void Stop() { stopped_ = true; }

 private:
  using Windows = std::vector<FunnelWindow>;
  absl::StatusOr<Windows> Count(absl::Time now);

  HttpPage Draw(const Windows& windows, size_t shown, const std::string& product) const;

  FlowStore& flows_;
  const std::set<std::string> products_;
  const Clock& clock_;
  const Executor executor_;
  std::atomic<bool> stopped_ = false;
  absl::Mutex mutex_;
  bool counting_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<const Windows> counted_ ABSL_GUARDED_BY(mutex_);
  absl::Time stale_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_FUNNEL_PAGE_H_
