// Work that blocks, from a coroutine.
#ifndef AUTHFLOW_CLIENT_CLI_ON_THREAD_H_
#define AUTHFLOW_CLIENT_CLI_ON_THREAD_H_

#include <functional>
#include <thread>
#include <utility>

#include "server/base/task.h"

namespace authflow {

// Runs `work` on a thread of its own: a slow disk must not keep a signal waiting. Nothing ends it.
template <typename T>
Task<T> OnThread(std::function<T()> work) {
  auto start = [work = std::move(work)](Done<T> done) { std::thread([work, done] { done(work()); }).detach(); };
  T result = co_await Await<T>(std::move(start));
  co_return result;
}

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_ON_THREAD_H_
