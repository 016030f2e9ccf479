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
#include <utility>

#include "server/base/executor.h"

namespace authflow {

template <typename T>
using Task = boost::asio::awaitable<T, Executor>;

// Calls back exactly once, from any thread. Copies share the one call.
template <typename T>
using Done = std::function<void(T)>;

// The one bridge from callbacks to coroutines: calls `start(done)` now, resumes on the awaiting coroutine's executor
// with what `done` was given. The operation owns its inputs. Cancellation of the coroutine does not end the operation.
template <typename T, typename Start>
Task<T> Await(Start start) {
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>, void(T)>(
      [](auto handler, Start start) {
        auto executor = boost::asio::get_associated_executor(handler);
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        start(Done<T>([shared, executor](T result) {
          Resumptions::Resume(executor, [shared, result = std::move(result)]() mutable {
            auto handler = std::move(*shared);
            std::move(handler)(std::move(result));
          });
        }));
      },
      boost::asio::use_awaitable_t<Executor>(), std::move(start));
}

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_TASK_H_
