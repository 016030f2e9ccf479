#include "server/flow/watch_hub.h"

#include <utility>

namespace authflow {

Watch::Watch(WatchHub* hub, SharedFlow flow, std::function<void()> changed)
    : hub_(hub),
      id_(flow->header.id),
      attachment_(flow->attachment),
      changed_(std::move(changed)),
      latest_(std::move(flow)) {}

Watch::~Watch() { hub_->Close(this); }

SharedFlow Watch::Latest() const {
  absl::MutexLock lock(&mutex_);
  return latest_;
}

bool Watch::replaced() const {
  absl::MutexLock lock(&mutex_);
  return replaced_;
}

void Watch::Publish(SharedFlow flow) {
  {
    absl::MutexLock lock(&mutex_);
    if (flow->length <= latest_->length) return;
    latest_ = std::move(flow);
  }
  changed_();
}

void Watch::Replace() {
  {
    absl::MutexLock lock(&mutex_);
    replaced_ = true;
  }
  changed_();
}

std::shared_ptr<Watch> WatchHub::Open(SharedFlow flow, std::function<void()> changed) {
  std::shared_ptr<Watch> watch(new Watch(this, std::move(flow), std::move(changed)));
  std::shared_ptr<Watch> older;
  {
    absl::MutexLock lock(&mutex_);
    auto& newest = watches_[watch->id_];
    older = newest.lock();
    newest = watch;
  }
  // Outside of the lock: the last owner of the older one may be us.
  if (older != nullptr) older->Replace();
  return watch;
}

void WatchHub::Publish(SharedFlow flow) {
  std::shared_ptr<Watch> watch;
  {
    absl::MutexLock lock(&mutex_);
    const auto it = watches_.find(flow->header.id);
    if (it == watches_.end()) return;
    watch = it->second.lock();
  }
  if (watch != nullptr) watch->Publish(std::move(flow));
}

void WatchHub::Drain() {
  absl::MutexLock lock(&mutex_);
  draining_ = true;
}

void WatchHub::Close(Watch* watch) {
  size_t open = 0;
  {
    absl::MutexLock lock(&mutex_);
    const auto it = watches_.find(watch->id_);
    // A newer watch may have taken the place.
    if (it != watches_.end() && it->second.expired()) watches_.erase(it);
    if (draining_) return;
    open = watches_.size();
  }
  const SharedFlow flow = watch->Latest();
  if (flow->outcome || watch->replaced()) return;
  departures_.Broke({.flow_id = watch->id_, .attachment = watch->attachment_, .length = flow->length}, open,
                    clock_.Now());
}

}  // namespace authflow
