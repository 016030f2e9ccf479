#include "server/flow/device_pace.h"

#include <algorithm>
#include <utility>

namespace authflow {
namespace {

constexpr absl::Duration kSlower = absl::Seconds(5);
constexpr absl::Duration kLongestBackOff = absl::Minutes(1);

}  // namespace

std::optional<absl::Time> DevicePace::Take(const std::string& key, absl::Duration interval, absl::Time expire,
                                           absl::Time now, absl::Time until) {
  absl::MutexLock lock(&mutex_);
  auto it = paces_.find(key);
  if (it == paces_.end()) {
    // Logins begin seldom, and few are under way: whoever comes sweeps.
    absl::erase_if(paces_, [now](const auto& pace) { return pace.second.expire <= now; });
    it = paces_.emplace(key, Pace{.interval = interval, .last = now, .expire = expire}).first;
  }
  Pace& pace = it->second;
  const absl::Time next = std::max(now, pace.last + pace.interval);
  if (next > until) return std::nullopt;
  pace.last = next;
  return next;
}

void DevicePace::Answered(const std::string& key, DeviceAnswer::State state, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  const auto it = paces_.find(key);
  if (it == paces_.end()) return;
  Pace& pace = it->second;
  // From the answer on: so the provider, too, sees no less between two questions.
  pace.last = std::max(pace.last, now);
  if (state == DeviceAnswer::State::kSlowDown) pace.interval += kSlower;
  if (state == DeviceAnswer::State::kAway) {
    pace.interval = std::max(pace.interval, std::min(pace.interval * 2, kLongestBackOff));
  }
}

Task<bool> DevicePace::Wait(absl::Duration duration) {
  auto start = [this, duration](Done<bool> woken) { sleep_(duration, std::move(woken)); };
  co_return co_await Await<bool>(std::move(start));
}

}  // namespace authflow
