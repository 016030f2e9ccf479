// Waits of the use cases, and their end when the process stops.
#ifndef AUTHFLOW_SERVER_PROCESS_TIMERS_H_
#define AUTHFLOW_SERVER_PROCESS_TIMERS_H_

#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/task.h"

namespace authflow {

// Thread-safe. Outlives every wait.
class Timers {
 public:
  explicit Timers(Executor executor) : executor_(std::move(executor)) {}

  // Calls back once: after `duration` with true, or at once with false when Drain is called or was.
  void Sleep(absl::Duration duration, Done<bool> woken);

  // Wakes all that sleep; nobody sleeps any more.
  void Drain();

 private:
  using Timer = boost::asio::steady_timer;

  const Executor executor_;
  absl::Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_set<std::shared_ptr<Timer>> sleeping_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_TIMERS_H_
