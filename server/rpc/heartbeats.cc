#include "server/rpc/heartbeats.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>

#include "server/rpc/stream_call.h"

namespace authflow {

Heartbeats::Heartbeats(Executor executor, absl::Duration period)
    : executor_(std::move(executor)), tick_(absl::ToChronoNanoseconds(period / kGroups)), timer_(executor_) {}

void Heartbeats::Add(size_t connection, const std::shared_ptr<StreamCall>& call) {
  absl::MutexLock lock(&mutex_);
  groups_[connection % kGroups].try_emplace({connection, call.get()}, call);
  if (++streams_ > 1) return;
  timer_.expires_after(std::chrono::nanoseconds(0));
  Arm();
}

void Heartbeats::Remove(size_t connection, const StreamCall* call) {
  absl::MutexLock lock(&mutex_);
  if (groups_[connection % kGroups].erase({connection, call}) == 0) return;
  if (--streams_ == 0) timer_.cancel();
}

void Heartbeats::Arm() {
  // From the last tick on, so that periods do not add up what each took; but what was missed is not made up for.
  timer_.expires_at(std::max(timer_.expiry() + tick_, std::chrono::steady_clock::now()));
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    if (error) return;
    if (const auto self = weak.lock()) self->Tick();
  });
}

void Heartbeats::Tick() {
  std::vector<std::shared_ptr<StreamCall>> together;
  const auto beat = [&] {
    boost::asio::post(executor_, [calls = std::exchange(together, {})] {
      for (const auto& call : calls) call->Beat();
    });
  };
  absl::MutexLock lock(&mutex_);
  if (streams_ == 0) return;
  for (const auto& [place, weak] : groups_[next_]) {
    if (auto call = weak.lock()) together.push_back(std::move(call));
    if (together.size() == kTogether) beat();
  }
  if (!together.empty()) beat();
  next_ = (next_ + 1) % kGroups;
  Arm();
}

}  // namespace authflow
