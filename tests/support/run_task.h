// Runs a coroutine to its end from a test's thread.
#ifndef AUTHFLOW_TESTS_SUPPORT_RUN_TASK_H_
#define AUTHFLOW_TESTS_SUPPORT_RUN_TASK_H_

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "absl/synchronization/notification.h"
#include "server/base/task.h"

namespace authflow {

// Two threads that live as long as the process: for tests that do not care where their coroutines run.
inline Executor TestExecutor() {
  static boost::asio::thread_pool pool(2);
  return boost::asio::require(pool.get_executor(), boost::asio::execution::blocking.never);
}

// Starts `task` on `executor`, blocks the calling thread (never one of the executor's own) until it has ended, and
// returns its result. What it throws is thrown here. T needs a default constructor.
template <typename T>
T Wait(Executor executor, Task<T> task) {
  absl::Notification ended;
  std::exception_ptr thrown;
  std::optional<T> result;
  boost::asio::co_spawn(executor, std::move(task), [&](std::exception_ptr exception, T value) {
    thrown = exception;
    result.emplace(std::move(value));
    ended.Notify();
  });
  ended.WaitForNotification();
  if (thrown) std::rethrow_exception(thrown);
  return *std::move(result);
}

inline void Wait(Executor executor, Task<void> task) {
  absl::Notification ended;
  std::exception_ptr thrown;
  boost::asio::co_spawn(executor, std::move(task), [&](std::exception_ptr exception) {
    thrown = exception;
    ended.Notify();
  });
  ended.WaitForNotification();
  if (thrown) std::rethrow_exception(thrown);
}

// The same on TestExecutor(). (Not "Run": inside TEST that is GoogleTest's own.)
template <typename T>
T Wait(Task<T> task) {
  return Wait(TestExecutor(), std::move(task));
}

inline void Wait(Task<void> task) { Wait(TestExecutor(), std::move(task)); }

}  // namespace authflow

#endif  // AUTHFLOW_TESTS_SUPPORT_RUN_TASK_H_
