// A storage whose next calls fail when a test says so.
#ifndef AUTHFLOW_SERVER_STORAGE_FAULTY_STORAGE_H_
#define AUTHFLOW_SERVER_STORAGE_FAULTY_STORAGE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/storage/storage.h"

namespace authflow {

// Passes everything on to `real`, which it owns. Thread-safe.
class FaultyStorage final : public Storage,
                            public FlowStore,
                            public InvocationStore,
                            public Outbox,
                            public ApplicationStore {
 public:
  explicit FaultyStorage(std::unique_ptr<Storage> real) : real_(std::move(real)) {}

  // The next `count` writes (reads) answer `status` and do nothing.
  void FailWrites(absl::Status status, int count = 1) {
    absl::MutexLock lock(&mutex_);
    write_faults_ = {std::move(status), count};
  }
  void FailReads(absl::Status status, int count = 1) {
    absl::MutexLock lock(&mutex_);
    read_faults_ = {std::move(status), count};
  }
  // Called before the next AppendEntry, once: a test lets somebody else write first.
  void BeforeNextAppend(std::function<void()> intrude) {
    absl::MutexLock lock(&mutex_);
    intrude_ = std::move(intrude);
  }
  Storage& real() { return *real_; }

  FlowStore& flows() override { return *this; }
  InvocationStore& invocations() override { return *this; }
  Outbox& outbox() override { return *this; }
  ApplicationStore& applications() override { return *this; }
  Task<absl::StatusOr<Pruned>> Prune(absl::Time before, int limit) override {
    if (auto fault = Next(write_faults_); !fault.ok()) co_return fault;
    co_return co_await real_->Prune(before, limit);
  }

  Task<absl::StatusOr<bool>> AppendEntry(Append append) override {
    std::function<void()> intrude;
    {
      absl::MutexLock lock(&mutex_);
      intrude.swap(intrude_);
    }
    if (intrude) intrude();
    if (auto fault = Next(write_faults_); !fault.ok()) co_return fault;
    co_return co_await real_->flows().AppendEntry(std::move(append));
  }
  Task<absl::StatusOr<std::vector<Entry>>> Load(FlowId flow_id) override {
    if (auto fault = Next(read_faults_); !fault.ok()) co_return fault;
    co_return co_await real_->flows().Load(flow_id);
  }
  Task<absl::StatusOr<std::vector<LogRow>>> LoadBefore(int64_t position, int limit) override {
    if (auto fault = Next(read_faults_); !fault.ok()) co_return fault;
    co_return co_await real_->flows().LoadBefore(position, limit);
  }
  Task<absl::StatusOr<std::vector<FlowId>>> Due(absl::Time now, int limit) override {
    if (auto fault = Next(read_faults_); !fault.ok()) co_return fault;
    co_return co_await real_->flows().Due(now, limit);
  }
  Task<absl::Status> Postpone(FlowId flow_id, absl::Time due_at) override {
    if (auto fault = Next(write_faults_); !fault.ok()) co_return fault;
    co_return co_await real_->flows().Postpone(flow_id, due_at);
  }
  Task<absl::StatusOr<std::vector<FlowTotals>>> CountFlows() override {
    if (auto fault = Next(read_faults_); !fault.ok()) co_return fault;
    co_return co_await real_->flows().CountFlows();
  }
  Task<absl::StatusOr<std::optional<InvocationRow>>> LoadInvocation(std::string product, InvocationId id) override {
    if (auto fault = Next(read_faults_); !fault.ok()) co_return fault;
    co_return co_await real_->invocations().LoadInvocation(std::move(product), id);
  }
  Task<absl::StatusOr<bool>> Pass(std::string product, v1::Invocation base, Milestone milestone, Event event) override {
    if (auto fault = Next(write_faults_); !fault.ok()) co_return fault;
    co_return co_await real_->invocations().Pass(std::move(product), std::move(base), milestone, std::move(event));
  }
  Task<absl::StatusOr<std::optional<Claim>>> ClaimLane(std::string product, std::string holder, absl::Time now,
                                                       absl::Duration lease, int max_events) override {
    if (auto fault = Next(write_faults_); !fault.ok()) co_return fault;
    co_return co_await real_->outbox().ClaimLane(std::move(product), std::move(holder), now, lease, max_events);
  }
  Task<absl::StatusOr<bool>> Settle(Lane lane, std::string holder, std::vector<int64_t> delivered,
                                    std::vector<DeadEvent> dead, absl::Time not_before) override {
    if (auto fault = Next(write_faults_); !fault.ok()) co_return fault;
    co_return co_await real_->outbox().Settle(std::move(lane), std::move(holder), std::move(delivered), std::move(dead),
                                              not_before);
  }
  Task<absl::StatusOr<std::vector<OutboxStats>>> Stats() override {
    if (auto fault = Next(read_faults_); !fault.ok()) co_return fault;
    co_return co_await real_->outbox().Stats();
  }
  void OnAdded(std::function<void(const std::string& product)> wake) override {
    real_->outbox().OnAdded(std::move(wake));
  }
  Task<absl::StatusOr<AddResult>> Add(StoredApplication application) override {
    if (auto fault = Next(write_faults_); !fault.ok()) co_return fault;
    co_return co_await real_->applications().Add(std::move(application));
  }
  Task<absl::StatusOr<std::vector<StoredApplication>>> ListAfter(std::string product, std::string owner, int64_t after,
                                                                 int limit) override {
    if (auto fault = Next(read_faults_); !fault.ok()) co_return fault;
    co_return co_await real_->applications().ListAfter(std::move(product), std::move(owner), after, limit);
  }

 private:
  struct Faults {
    absl::Status status;
    int count = 0;
  };
  absl::Status Next(Faults& faults) {
    absl::MutexLock lock(&mutex_);
    if (faults.count == 0) return absl::OkStatus();
    --faults.count;
    return faults.status;
  }

  const std::unique_ptr<Storage> real_;
  absl::Mutex mutex_;
  Faults write_faults_;
  Faults read_faults_;
  std::function<void()> intrude_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_FAULTY_STORAGE_H_
