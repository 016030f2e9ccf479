// Work that, once begun, goes on without the call that began it; later calls join it and share its answer.
#ifndef AUTHFLOW_SERVER_FLOW_DETACHED_H_
#define AUTHFLOW_SERVER_FLOW_DETACHED_H_

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/task.h"

namespace authflow {

// Counts coroutines that no call waits for, so that a shutdown can wait until none lives. Thread-safe; each call passes
// here, so that no lock is taken but by the last to leave.
class Nursery {
 public:
  void Enter() { living_.fetch_add(1, std::memory_order_relaxed); }
  void Leave() {
    int64_t living = living_.load(std::memory_order_relaxed);
    while (living > 1) {
      if (living_.compare_exchange_weak(living, living - 1, std::memory_order_acq_rel)) return;
    }
    // The last one under the lock: whoever waits may destroy this as soon as it sees that nobody is left.
    absl::MutexLock lock(&mutex_);
    living_.fetch_sub(1, std::memory_order_acq_rel);
  }
  // False: some still live when the time is up.
  bool WaitUntilEmpty(absl::Duration at_most) {
    absl::MutexLock lock(&mutex_);
    const auto empty = [this]() { return living_.load(std::memory_order_acquire) == 0; };
    return mutex_.AwaitWithTimeout(absl::Condition(&empty), at_most);
  }

 private:
  std::atomic<int64_t> living_ = 0;
  absl::Mutex mutex_;
};

// What work came to. An answer that is not kept (a store or a provider that could not be had) goes to those who wait,
// and the next call begins anew.
template <typename T>
struct Worked {
  absl::StatusOr<T> answer;
  bool keep = true;
};

// One answer for all who ask for the same key, while the work runs and for `keep` after it. Answers stay in memory
// alone. Thread-safe.
template <typename T>
class Shared {
 public:
  using Answer = absl::StatusOr<T>;

  Shared(Nursery& nursery, absl::Duration keep) : nursery_(nursery), keep_(keep) {}

  // The work of this key is under way.
  bool Running(const std::string& key) {
    absl::MutexLock lock(&mutex_);
    const auto it = works_.find(key);
    return it != works_.end() && !it->second->answer;
  }

  // It is under way, or its answer is still kept.
  bool Knows(const std::string& key, absl::Time now) {
    absl::MutexLock lock(&mutex_);
    Sweep(now);
    return works_.contains(key);
  }

  // The answer of `key`: joins the work under way, repeats an answer that is kept, or begins `work()` here, to go on in
  // `pool` (see Eager). `now()` dates the answer when it comes.
  Task<Answer> JoinOrBegin(std::string key, const Executor* pool, std::function<absl::Time()> now,
                           std::function<Task<Worked<T>>()> work) {
    bool began = false;
    auto shared = FindOrAdd(key, now(), began);
    if (began) {
      nursery_.Enter();
      boost::asio::co_spawn(Eager(pool), Run(this, std::move(key), shared, std::move(now), std::move(work)),
                            boost::asio::detached);
    }
    co_return co_await Wait(shared);
  }

 private:
  struct Work {
    std::optional<Answer> answer;
    std::vector<Done<Answer>> waiting;
  };

  std::shared_ptr<Work> FindOrAdd(const std::string& key, absl::Time now, bool& began) {
    absl::MutexLock lock(&mutex_);
    Sweep(now);
    auto& work = works_[key];
    began = work == nullptr;
    if (began) work = std::make_shared<Work>();
    return work;
  }

  // Answers are kept in the order in which they came: the oldest stands first.
  void Sweep(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (!kept_.empty() && kept_.front().first <= now) {
      works_.erase(kept_.front().second);
      kept_.pop_front();
    }
  }

  Task<Answer> Wait(std::shared_ptr<Work> work) {
    // Named: GCC 12 destroys the captures of a temporary lambda twice when it stands in a co_await expression.
    auto start = [this, work](Done<Answer> done) {
      {
        absl::MutexLock lock(&mutex_);
        if (!work->answer) {
          work->waiting.push_back(std::move(done));
          return;
        }
      }
      done(*work->answer);
    };
    co_return co_await Await<Answer>(std::move(start));
  }

  static Task<void> Run(Shared* self, std::string key, std::shared_ptr<Work> shared, std::function<absl::Time()> now,
                        std::function<Task<Worked<T>>()> work) {
    Worked<T> worked{.answer = absl::InternalError("exception"), .keep = false};
    try {
      worked = co_await work();
    } catch (...) {
      // As for any exception: INTERNAL to whoever waits.
    }
    const Answer& answer = worked.answer;
    std::vector<Done<Answer>> waiting;
    {
      absl::MutexLock lock(&self->mutex_);
      shared->answer = answer;
      waiting.swap(shared->waiting);
      if (worked.keep) {
        self->kept_.emplace_back(now() + self->keep_, std::move(key));
      } else {
        self->works_.erase(key);
      }
    }
    {
      const Resumptions here(Resumptions::Where::kHere);
      for (auto& done : waiting) done(answer);
    }
    self->nursery_.Leave();
  }

  Nursery& nursery_;
  const absl::Duration keep_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<Work>> works_ ABSL_GUARDED_BY(mutex_);
  std::list<std::pair<absl::Time, std::string>> kept_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FLOW_DETACHED_H_
