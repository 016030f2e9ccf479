// What coroutines run on.
#ifndef AUTHFLOW_SERVER_BASE_EXECUTOR_H_
#define AUTHFLOW_SERVER_BASE_EXECUTOR_H_

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace authflow {

using Executor = boost::asio::any_io_executor;

// Begins a coroutine on the thread that spawns it, and resumes it on `pool`, which outlives it and has blocking.never.
// It serializes nothing: for one coroutine, which waits for one thing at a time.
class Eager {
 public:
  // By pointer: a constructor from an executor would be a conversion that Asio's concepts trip over.
  explicit Eager(const Executor* pool) : pool_(pool) {}

  const Executor& pool() const { return *pool_; }

  boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept {
    return boost::asio::query(*pool_, boost::asio::execution::context_as<boost::asio::execution_context&>);
  }
  boost::asio::execution::blocking_t query(boost::asio::execution::blocking_t) const noexcept {
    if (never_) return boost::asio::execution::blocking.never;
    return boost::asio::execution::blocking.possibly;
  }
  Eager require(boost::asio::execution::blocking_t::never_t) const { return Eager(pool_, true); }
  Eager require(boost::asio::execution::blocking_t::possibly_t) const { return Eager(pool_, false); }

  template <typename Function>
  void execute(Function&& function) const {
    if (never_) {
      pool_->execute(std::forward<Function>(function));
    } else {
      std::decay_t<Function> here(std::forward<Function>(function));
      std::move(here)();
    }
  }

  bool operator==(const Eager&) const noexcept = default;

 private:
  Eager(const Executor* pool, bool never) : pool_(pool), never_(never) {}

  const Executor* pool_;
  bool never_ = false;
};

// While one lives, the eager coroutines that its thread has an answer for are gathered. At its end they are given to
// their pool together: a commit that answers many wakes the pool once for some of them, not once for each. Or they go
// on here, one after the other: an answer is worked on by the thread that brought it, with no other one woken.
class Resumptions {
 public:
  enum class Where { kPool, kHere };

  explicit Resumptions(Where where = Where::kPool) : where_(where), outer_(std::exchange(current_, this)) {}
  Resumptions(const Resumptions&) = delete;
  Resumptions& operator=(const Resumptions&) = delete;
  ~Resumptions() {
    current_ = outer_;  // first: what goes on here may have answers for others
    if (where_ == Where::kPool) Post();
    for (const auto& one : waiting_) one->Resume();
  }

  // Who waits for an answer, and has it.
  struct Waiting {
    virtual ~Waiting() = default;
    virtual void Resume() = 0;
  };

  // Resumes soon on the executor, now or with others.
  static void Resume(const Executor& executor, std::shared_ptr<Waiting> waiting) {
    const auto* eager = current_ == nullptr ? nullptr : executor.target<Eager>();
    if (eager == nullptr) {
      boost::asio::post(executor, [waiting = std::move(waiting)]() { waiting->Resume(); });
    } else {
      current_->Add(eager->pool(), std::move(waiting));
    }
  }

 private:
  // Few enough that the last does not wait long for the first, and that other threads get some.
  static constexpr size_t kTogether = 32;

  void Add(const Executor& pool, std::shared_ptr<Waiting> waiting) {
    if (where_ == Where::kPool && (pool_ != &pool || waiting_.size() == kTogether)) Post();
    pool_ = &pool;
    waiting_.push_back(std::move(waiting));
  }
  void Post() {
    if (waiting_.empty()) return;
    pool_->execute([waiting = std::exchange(waiting_, {})]() {
      for (const auto& one : waiting) one->Resume();
    });
  }

  static inline thread_local Resumptions* current_ = nullptr;
  const Where where_;
  Resumptions* const outer_;
  const Executor* pool_ = nullptr;
  std::vector<std::shared_ptr<Waiting>> waiting_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_EXECUTOR_H_
