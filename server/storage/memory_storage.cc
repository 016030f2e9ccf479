// The contract in memory, under one mutex, and one of its own for applications. Rows are encoded as on disk, so that
// both memories remember the same.

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "server/base/error_class.h"
#include "server/storage/entry_codec.h"
#include "server/storage/funnel_codec.h"
#include "server/storage/memory_applications.h"
#include "server/storage/storage.h"

namespace authflow {
namespace {

// Of these so many are remembered; the oldest are forgotten first.
constexpr size_t kFinishedFlows = 100000;
constexpr size_t kInvocations = 100000;

class MemoryStorage final : public Storage, public FlowStore, public InvocationStore, public Outbox {
 public:
  explicit MemoryStorage(const Clock& clock) : clock_(clock) {}

  FlowStore& flows() override { return *this; }
  InvocationStore& invocations() override { return *this; }
  Outbox& outbox() override { return *this; }
  ApplicationStore& applications() override { return applications_; }
  Task<absl::StatusOr<Pruned>> Prune(absl::Time, int) override { co_return Pruned{}; }

  Task<absl::StatusOr<bool>> AppendEntry(Append append) override {
    const auto [won, grown] = AppendNow(append);
    if (grown) Wake(append.product);
    co_return won;
  }

  Task<absl::StatusOr<std::vector<Entry>>> Load(FlowId flow_id) override {
    absl::MutexLock lock(&mutex_);
    std::vector<Entry> log;
    const auto it = logs_.find(flow_id);
    if (it == logs_.end()) co_return log;
    for (const EncodedEntry& row : it->second) {
      auto entry = Decode(flow_id, row);
      if (!entry.ok()) co_return entry.status();
      log.push_back(*std::move(entry));
    }
    co_return log;
  }

  Task<absl::StatusOr<std::vector<LogRow>>> LoadBefore(int64_t position, int limit) override {
    absl::MutexLock lock(&mutex_);
    std::vector<LogRow> rows;
    for (auto it = order_.lower_bound(position); it != order_.begin() && rows.size() < static_cast<size_t>(limit);) {
      const auto& [place, written] = *--it;
      const auto log = logs_.find(written.first);
      if (log == logs_.end()) continue;  // forgotten
      auto entry = Decode(written.first, log->second[written.second]);
      if (!entry.ok()) co_return entry.status();
      rows.push_back({.position = place, .flow_id = written.first, .entry = *std::move(entry)});
    }
    co_return rows;
  }

  Task<absl::StatusOr<std::vector<FlowId>>> Due(absl::Time now, int limit) override {
    absl::MutexLock lock(&mutex_);
    std::vector<FlowId> due;
    for (const auto& [due_at, flow_id] : due_) {
      if (due_at > absl::ToUnixMicros(now) || due.size() >= static_cast<size_t>(limit)) break;
      due.push_back(flow_id);
    }
    co_return due;
  }

  Task<absl::Status> Postpone(FlowId flow_id, absl::Time due_at) override {
    absl::MutexLock lock(&mutex_);
    const auto it = open_.find(flow_id);
    if (it != open_.end()) {
      due_.erase({it->second.due_at, flow_id});
      it->second.due_at = absl::ToUnixMicros(due_at);
      due_.insert({it->second.due_at, flow_id});
    }
    co_return absl::OkStatus();
  }

  Task<absl::StatusOr<std::vector<FlowTotals>>> CountFlows() override {
    absl::MutexLock lock(&mutex_);
    auto counts = totals_;
    for (const auto& [flow_id, open] : open_) ++counts[{open.product, open.kind}].active;
    std::vector<FlowTotals> all;
    for (auto& [key, row] : counts) {
      row.product = key.first;
      row.kind = key.second;
      all.push_back(std::move(row));
    }
    co_return all;
  }

  Task<absl::StatusOr<std::optional<InvocationRow>>> LoadInvocation(std::string product, InvocationId id) override {
    absl::MutexLock lock(&mutex_);
    std::optional<InvocationRow> row;
    const auto it = invocations_.find({product, id});
    if (it != invocations_.end()) {
      const Invocation& invocation = *it->second;
      row = InvocationRow{.base = DecodeInvocation(id, invocation.opted_out, invocation.base),
                          .invoked = invocation.invoked,
                          .completed = invocation.completed,
                          .logged_out = invocation.logged_out};
    }
    co_return row;
  }

  Task<absl::StatusOr<bool>> Pass(std::string product, v1::Invocation base, Milestone milestone, Event event) override {
    const auto id = Uuid::Parse(base.invocation_id());
    if (!id) co_return Refusal(v1::ERROR_CLASS_INVALID_REQUEST, "invocation.invocation_id is not a UUID.");
    const auto [passed, grown] = PassNow(product, *id, base, milestone, event);
    if (grown) Wake(product);
    co_return passed;
  }

  Task<absl::StatusOr<std::optional<Claim>>> ClaimLane(std::string product, std::string holder, absl::Time now,
                                                       absl::Duration lease, int max_events) override {
    co_return Lease(product, holder, absl::ToUnixMicros(now), absl::ToUnixMicros(now + lease),
                    static_cast<size_t>(std::max(max_events, 1)));
  }

  Task<absl::StatusOr<bool>> Settle(Lane lane, std::string holder, std::vector<int64_t> delivered,
                                    std::vector<DeadEvent> dead, absl::Time not_before) override {
    absl::MutexLock lock(&mutex_);
    const auto it = lanes_.find({lane.product, lane.number});
    if (it == lanes_.end() || it->second.lease_until == 0 || it->second.holder != holder) co_return false;
    LaneRow& row = it->second;
    row.holder.clear();
    row.lease_until = 0;
    row.not_before = absl::ToUnixMicros(not_before);
    for (const int64_t id : delivered) row.pending.erase(id);
    for (const DeadEvent& event : dead) {
      const auto found = row.pending.find(event.id);
      if (found == row.pending.end()) continue;
      const std::optional<FlowId> flow_id = found->second.flow_id;
      row.pending.erase(found);
      ++dead_events_[lane.product];
      if (!flow_id) continue;
      dead_flows_.insert({{lane.product, *flow_id}, event.id});
      ParkFollowing(lane.product, row, *flow_id);
    }
    co_return true;
  }

  Task<absl::StatusOr<std::vector<OutboxStats>>> Stats() override {
    absl::MutexLock lock(&mutex_);
    std::map<std::string, OutboxStats> products;
    for (const auto& [key, lane] : lanes_) {
      if (lane.pending.empty()) continue;
      OutboxStats& stats = products[key.first];
      stats.pending += static_cast<int64_t>(lane.pending.size());
      const absl::Time oldest = absl::FromUnixMicros(lane.pending.begin()->second.committed_at);
      stats.oldest_pending = std::min(stats.oldest_pending.value_or(oldest), oldest);
    }
    for (const auto& [product, count] : dead_events_) products[product].dead = count;
    std::vector<OutboxStats> all;
    for (auto& [product, stats] : products) {
      stats.product = product;
      all.push_back(stats);
    }
    co_return all;
  }

  void OnAdded(std::function<void(const std::string& product)> wake) override {
    absl::MutexLock lock(&mutex_);
    wakes_.push_back(std::move(wake));
  }

 private:
  struct Open {
    int64_t due_at = 0;
    std::string product;
    v1::FlowKind kind = v1::FLOW_KIND_UNSPECIFIED;
  };
  struct Invocation {
    std::string base;
    std::string user_id;
    int64_t last_sequence = 0;
    bool invoked = false;
    bool completed = false;
    bool logged_out = false;
    bool opted_out = false;
  };
  using InvocationKey = std::pair<std::string, InvocationId>;
  struct OutboxRow {
    InvocationId invocation_id;
    std::shared_ptr<const Invocation> invocation;
    std::optional<FlowId> flow_id;
    NumberedEvent event;
    int64_t committed_at = 0;
  };
  struct LaneRow {
    std::string holder;
    int64_t lease_until = 0;
    int64_t not_before = 0;
    std::map<int64_t, OutboxRow> pending;
  };
  struct Result {
    bool done = false;
    bool grown = false;
  };

  Result AppendNow(const Append& append) {
    absl::MutexLock lock(&mutex_);
    auto row = Encode(append.entry);
    const auto found = logs_.find(append.flow_id);
    const int64_t length = found == logs_.end() ? 0 : static_cast<int64_t>(found->second.size());
    if (row.number != length + 1) return {};
    const EntryKind kind = row.kind;
    // At most one end a flow.
    if (kind == EntryKind::kEnded && found != logs_.end() &&
        std::ranges::any_of(found->second, [](const EncodedEntry& e) { return e.kind == EntryKind::kEnded; })) {
      return {};
    }
    logs_[append.flow_id].push_back(std::move(row));
    order_.emplace(++last_entry_, std::pair(append.flow_id, static_cast<size_t>(length)));
    if (kind == EntryKind::kStarted) {
      const int64_t due_at = absl::ToUnixMicros(append.due_at);
      open_[append.flow_id] = {due_at, append.product, append.kind};
      due_.insert({due_at, append.flow_id});
      ++totals_[{append.product, append.kind}].started;
    } else if (const auto* ended = std::get_if<Ended>(&append.entry.what)) {
      Close(append.flow_id);
      FlowTotals& totals = totals_[{append.product, append.kind}];
      ++(std::holds_alternative<Completed>(ended->outcome) ? totals.completed
         : std::holds_alternative<Aborted>(ended->outcome) ? totals.aborted
                                                           : totals.failed);
    }
    if (!append.invocation && append.learned_user_id.empty() && append.events.empty()) return {.done = true};

    auto invocation = Find(append.product, append.invocation_id);
    if (invocation == nullptr) {
      if (!append.invocation && append.events.empty()) return {.done = true};  // a user learned outside of the funnel
      invocation = Make(append.invocation.value_or(v1::Invocation()));
      Remember(append.product, append.invocation_id, invocation);
    }
    if (!append.learned_user_id.empty() && !invocation->opted_out) invocation->user_id = append.learned_user_id;
    const bool grown = AddEvents(append.product, append.invocation_id, append.flow_id, invocation, append.events);
    return {.done = true, .grown = grown};
  }

  Result PassNow(const std::string& product, const InvocationId& id, const v1::Invocation& base, Milestone milestone,
                 const Event& event) {
    absl::MutexLock lock(&mutex_);
    auto invocation = Find(product, id);
    const bool unknown = invocation == nullptr;
    if (unknown) invocation = Make(base);
    bool& passed = milestone == Milestone::kInvoked     ? invocation->invoked
                   : milestone == Milestone::kCompleted ? invocation->completed
                                                        : invocation->logged_out;
    const bool orphan = milestone == Milestone::kCompleted && !invocation->invoked;
    if (passed || orphan) return {};
    passed = true;
    if (unknown) Remember(product, id, invocation);
    return {.done = true, .grown = AddEvents(product, id, std::nullopt, invocation, {event})};
  }

  std::shared_ptr<Invocation> Find(const std::string& product, const InvocationId& id)
      ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    const auto it = invocations_.find({product, id});
    return it == invocations_.end() ? nullptr : it->second;
  }

  void Remember(const std::string& product, const InvocationId& id, std::shared_ptr<Invocation> invocation)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    invocations_.emplace(InvocationKey(product, id), std::move(invocation));
    invocation_order_.emplace_back(product, id);
    if (invocation_order_.size() > kInvocations) {
      invocations_.erase(invocation_order_.front());
      invocation_order_.pop_front();
    }
  }

  static std::shared_ptr<Invocation> Make(const v1::Invocation& base) {
    auto encoded = Encode(base);
    auto invocation = std::make_shared<Invocation>();
    invocation->base = std::move(encoded.base);
    invocation->user_id = std::move(encoded.user_id);
    invocation->opted_out = encoded.opted_out;
    return invocation;
  }

  bool AddEvents(const std::string& product, const InvocationId& id, std::optional<FlowId> flow_id,
                 const std::shared_ptr<Invocation>& invocation, const std::vector<Event>& events)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (invocation->opted_out || events.empty()) return false;
    LaneRow& lane = lanes_[{product, LaneOf(id)}];
    for (const Event& event : events) {
      OutboxRow row{.invocation_id = id,
                    .invocation = invocation,
                    .flow_id = flow_id,
                    .committed_at = absl::ToUnixMicros(clock_.Now())};
      row.event.event = Encode(event);
      row.event.sequence = row.event.event.numbered ? ++invocation->last_sequence : 0;
      row.event.user_id = invocation->user_id;
      lane.pending.emplace(++last_event_, std::move(row));
    }
    return true;
  }

  void Close(const FlowId& flow_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto it = open_.find(flow_id);
    if (it == open_.end()) return;
    due_.erase({it->second.due_at, flow_id});
    open_.erase(it);
    finished_.push_back(flow_id);
    if (finished_.size() > kFinishedFlows) {
      logs_.erase(finished_.front());
      finished_.pop_front();
      while (!order_.empty() && !logs_.contains(order_.begin()->second.first)) order_.erase(order_.begin());
    }
  }

  std::optional<Claim> Lease(const std::string& product, const std::string& holder, int64_t now, int64_t lease_until,
                             size_t max_events) {
    absl::MutexLock lock(&mutex_);
    while (true) {
      LaneRow* oldest = nullptr;
      Claim claim{.lane = {.product = product}, .holder = holder};
      for (auto& [key, lane] : lanes_) {
        if (key.first != product || lane.pending.empty() || lane.lease_until > now || lane.not_before > now) continue;
        if (oldest == nullptr || lane.pending.begin()->first < oldest->pending.begin()->first) {
          oldest = &lane;
          claim.lane.number = key.second;
        }
      }
      if (oldest == nullptr) return std::nullopt;
      for (auto it = oldest->pending.begin(); it != oldest->pending.end() && claim.events.size() < max_events;) {
        const OutboxRow& row = it->second;
        if (row.flow_id && dead_flows_.contains({product, *row.flow_id})) {
          ++dead_events_[product];
          it = oldest->pending.erase(it);
          continue;
        }
        const v1::Invocation base =
            DecodeInvocation(row.invocation_id, row.invocation->opted_out, row.invocation->base);
        claim.events.push_back({.id = it->first, .event = Decode(row.event, base)});
        ++it;
      }
      if (claim.events.empty()) continue;  // all of it followed dead events
      oldest->holder = holder;
      oldest->lease_until = lease_until;
      return claim;
    }
  }

  void ParkFollowing(const std::string& product, LaneRow& lane, const FlowId& flow_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    dead_events_[product] += static_cast<int64_t>(
        std::erase_if(lane.pending, [&](const auto& item) { return item.second.flow_id == flow_id; }));
  }

  void Wake(const std::string& product) {
    std::vector<std::function<void(const std::string&)>> wakes;
    {
      absl::MutexLock lock(&mutex_);
      wakes = wakes_;
    }
    for (const auto& wake : wakes) wake(product);
  }

  const Clock& clock_;
  MemoryApplications applications_;
  absl::Mutex mutex_;
  absl::flat_hash_map<FlowId, std::vector<EncodedEntry>> logs_ ABSL_GUARDED_BY(mutex_);
  // Where each entry is: its flow and its index there, by position.
  std::map<int64_t, std::pair<FlowId, size_t>> order_ ABSL_GUARDED_BY(mutex_);
  int64_t last_entry_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<FlowId, Open> open_ ABSL_GUARDED_BY(mutex_);
  std::set<std::pair<int64_t, FlowId>> due_ ABSL_GUARDED_BY(mutex_);
  std::deque<FlowId> finished_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<std::string, v1::FlowKind>, FlowTotals> totals_ ABSL_GUARDED_BY(mutex_);
  std::map<InvocationKey, std::shared_ptr<Invocation>> invocations_ ABSL_GUARDED_BY(mutex_);
  std::deque<InvocationKey> invocation_order_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<std::string, int>, LaneRow> lanes_ ABSL_GUARDED_BY(mutex_);
  // Dead events are counted, not kept; their flows are known, since what follows is parked as well.
  std::map<std::string, int64_t> dead_events_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<std::string, FlowId>, int64_t> dead_flows_ ABSL_GUARDED_BY(mutex_);
  int64_t last_event_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::function<void(const std::string& product)>> wakes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Storage> NewMemoryStorage(const Clock& clock) { return std::make_unique<MemoryStorage>(clock); }

}  // namespace authflow
