// Coroutines: straight-line code that waits without holding a thread.
//
// Rules that keep them sound (they are few, and each has bitten somebody):
//  - parameters by value: a coroutine outlives its caller's references;
//  - no lock over co_await;
//  - no capturing lambda as a temporary into Spawn: its captures die before its frame; pass arguments instead;
//  - no lambda with captures, and no braced aggregate, as a temporary in an expression with co_await: GCC 12 destroys
//  such a
//    temporary at the wrong address. Name it, then move it in;
//  - an executor outlives every frame that runs on it.
#ifndef AUTHFLOW_SERVER_BASE_TASK_H_
#define AUTHFLOW_SERVER_BASE_TASK_H_

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "server/base/executor.h"

namespace authflow {

template <typename T>
using Task = boost::asio::awaitable<T, Executor>;

// Calls back exactly once, from any thread. Copies share the one call.
template <typename T>
using Done = std::function<void(T)>;

// A coroutine that waits for an operation, and what that ended with.
template <typename T, typename Handler>
struct Awaiting final : Resumptions::Waiting {
  explicit Awaiting(Handler waits)
      : handler(std::move(waits)), executor(boost::asio::get_associated_executor(handler)) {}
  void Resume() override {
    Handler go_on = std::move(handler);
    std::move(go_on)(*std::move(result));
  }

  Handler handler;
  const Executor executor;
  std::optional<T> result;
};

// The one bridge from callbacks to coroutines: calls `start(done)` now, resumes on the awaiting coroutine's executor
// with what `done` was given. The operation owns its inputs. Cancellation of the coroutine does not end the operation.
template <typename T, typename Start>
Task<T> Await(Start start) {
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>, void(T)>(
      [](auto handler, Start start) {
        auto waiting = std::make_shared<Awaiting<T, decltype(handler)>>(std::move(handler));
        start(Done<T>([waiting](T result) {
          waiting->result = std::move(result);
          Resumptions::Resume(waiting->executor, waiting);
        }));
      },
      boost::asio::use_awaitable_t<Executor>(), std::move(start));
}

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_TASK_H_
