// An outbox in memory, a small world for tests of delivery: leases, put-off lanes, dead letters, and troubles on
// demand.
#ifndef AUTHFLOW_SERVER_DELIVERY_FAKE_OUTBOX_H_
#define AUTHFLOW_SERVER_DELIVERY_FAKE_OUTBOX_H_

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/delivery/outbox.h"

namespace authflow {

// Thread-safe. Waits end after 20 s with false.
class FakeOutbox final : public Outbox {
 public:
  Task<absl::StatusOr<std::optional<Claim>>> ClaimLane(std::string product, std::string holder, absl::Time now,
                                                       absl::Duration lease, int max_events) override {
    co_return ClaimNow(product, holder, now, lease, max_events);
  }

  Task<absl::StatusOr<bool>> Settle(Lane lane, std::string holder, std::vector<int64_t> delivered,
                                    std::vector<DeadEvent> dead, absl::Time not_before) override {
    co_return SettleNow(lane, holder, delivered, dead, not_before);
  }

  Task<absl::StatusOr<std::vector<OutboxStats>>> Stats() override { co_return std::vector<OutboxStats>(); }

  void OnAdded(std::function<void(const std::string&)> wake) override {
    absl::MutexLock lock(&mutex_);
    wake_ = std::move(wake);
  }

  // A commit of events, with its wake-up.
  void Add(const std::string& product, int lane, std::vector<v1::FunnelEvent> events) {
    {
      absl::MutexLock lock(&mutex_);
      for (auto& event : events) rows_.push_back({.id = ++last_id_, .product = product, .lane = lane, .event = event});
    }
    Wake(product);
  }

  // As a commit of another event would.
  void Wake(const std::string& product) {
    std::function<void(const std::string&)> wake;
    {
      absl::MutexLock lock(&mutex_);
      wake = wake_;
    }
    if (wake) wake(product);
  }

  void FailClaims(int times) {
    absl::MutexLock lock(&mutex_);
    failing_claims_ = times;
  }
  void FailSettles(int times) {
    absl::MutexLock lock(&mutex_);
    failing_settles_ = times;
  }

  // Nothing of the product is left to be delivered.
  bool WaitUntilEmpty(const std::string& product) {
    return WaitFor([this, &product]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
      return std::none_of(rows_.begin(), rows_.end(),
                          [&](const Row& row) { return row.product == product && row.reason.empty(); });
    });
  }
  // So many settlements so far, refused ones included.
  bool WaitForSettlements(int count) {
    return WaitFor([this, count]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return settlements_ >= count; });
  }

  struct Dead {
    std::string message_id;
    std::string reason;
    auto operator<=>(const Dead&) const = default;
  };
  std::vector<Dead> dead() {
    absl::MutexLock lock(&mutex_);
    std::vector<Dead> dead;
    for (const Row& row : rows_) {
      if (!row.reason.empty()) dead.push_back({row.event.message_id(), row.reason});
    }
    return dead;
  }
  // When the lane may be tried again; the beginning of time if it was never put off.
  absl::Time not_before(const std::string& product, int lane) {
    absl::MutexLock lock(&mutex_);
    return lanes_[{product, lane}].not_before;
  }
  bool leased(const std::string& product, int lane) {
    absl::MutexLock lock(&mutex_);
    return !lanes_[{product, lane}].holder.empty();
  }
  absl::Duration longest_lease() {
    absl::MutexLock lock(&mutex_);
    return longest_lease_;
  }
  int settlements() {
    absl::MutexLock lock(&mutex_);
    return settlements_;
  }
  // Somebody else holds the lane now.
  void TakeLease(const std::string& product, int lane, absl::Time until) {
    absl::MutexLock lock(&mutex_);
    auto& state = lanes_[{product, lane}];
    state.holder = "another";
    state.lease_end = until;
  }

 private:
  struct Row {
    int64_t id = 0;
    std::string product;
    int lane = 0;
    v1::FunnelEvent event;
    std::string reason;  // why it is dead; empty: pending
  };
  struct LaneState {
    std::string holder;
    absl::Time lease_end = absl::InfinitePast();
    absl::Time not_before = absl::InfinitePast();
  };

  template <typename Condition>
  bool WaitFor(Condition condition) {
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(&condition), absl::Seconds(20));
  }

  absl::StatusOr<std::optional<Claim>> ClaimNow(const std::string& product, const std::string& holder, absl::Time now,
                                                absl::Duration lease, int max_events) {
    absl::MutexLock lock(&mutex_);
    if (failing_claims_ > 0 && failing_claims_-- > 0) return absl::UnavailableError("the store is busy");
    std::optional<Claim> claim;
    for (const Row& row : rows_) {
      if (row.product != product || !row.reason.empty()) continue;
      if (!claim) {
        LaneState& state = lanes_[{product, row.lane}];
        if (state.not_before > now || (!state.holder.empty() && state.lease_end > now)) continue;
        state.holder = holder;
        state.lease_end = now + lease;
        longest_lease_ = std::max(longest_lease_, lease);
        claim.emplace();
        claim->lane = {.product = product, .number = row.lane};
        claim->holder = holder;
      }
      if (row.lane != claim->lane.number) continue;
      if (static_cast<int>(claim->events.size()) == max_events) break;
      claim->events.push_back({.id = row.id, .event = row.event});
    }
    return claim;
  }

  absl::StatusOr<bool> SettleNow(const Lane& lane, const std::string& holder, const std::vector<int64_t>& delivered,
                                 const std::vector<DeadEvent>& dead, absl::Time not_before) {
    absl::MutexLock lock(&mutex_);
    if (failing_settles_ > 0 && failing_settles_-- > 0) return absl::UnavailableError("the store is busy");
    ++settlements_;
    LaneState& state = lanes_[{lane.product, lane.number}];
    if (state.holder != holder) return false;
    state = {.holder = "", .lease_end = absl::InfinitePast(), .not_before = not_before};
    std::erase_if(rows_, [&](const Row& row) {
      return std::find(delivered.begin(), delivered.end(), row.id) != delivered.end();
    });
    for (const DeadEvent& event : dead) Park(event);
    return true;
  }

  void Park(const DeadEvent& dead) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::string flow_id;
    for (Row& row : rows_) {
      if (row.id == dead.id) {
        row.reason = dead.reason;
        flow_id = row.event.flow_id();
      } else if (row.id > dead.id && !flow_id.empty() && row.event.flow_id() == flow_id && row.reason.empty()) {
        row.reason = "parked";
      }
    }
  }

  absl::Mutex mutex_;
  std::function<void(const std::string&)> wake_ ABSL_GUARDED_BY(mutex_);
  std::vector<Row> rows_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<std::string, int>, LaneState> lanes_ ABSL_GUARDED_BY(mutex_);
  int64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  int failing_claims_ ABSL_GUARDED_BY(mutex_) = 0;
  int failing_settles_ ABSL_GUARDED_BY(mutex_) = 0;
  int settlements_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration longest_lease_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_DELIVERY_FAKE_OUTBOX_H_
