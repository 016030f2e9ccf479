#include "server/process/timers.h"

#include <utility>

namespace authflow {

void Timers::Sleep(absl::Duration duration, Done<bool> woken) {
  {
    absl::MutexLock lock(&mutex_);
    if (!draining_) {
      const auto timer = std::make_shared<Timer>(executor_);
      timer->expires_after(absl::ToChronoNanoseconds(duration));
      sleeping_.insert(timer);
      timer->async_wait([this, timer, woken = std::move(woken)](boost::system::error_code cancelled) {
        {
          absl::MutexLock lock(&mutex_);
          sleeping_.erase(timer);
        }
        woken(!cancelled);
      });
      return;
    }
  }
  woken(false);
}

void Timers::Drain() {
  absl::MutexLock lock(&mutex_);
  draining_ = true;
  // A timer is touched under the lock alone; what it calls is called later, by the executor.
  for (const auto& timer : sleeping_) timer->cancel();
}

}  // namespace authflow
