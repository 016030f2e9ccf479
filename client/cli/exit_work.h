// What has been begun and is worth a short wait before the process ends.
#ifndef AUTHFLOW_CLIENT_CLI_EXIT_WORK_H_
#define AUTHFLOW_CLIENT_CLI_EXIT_WORK_H_

#include <utility>

#include "client/cli/event.h"

namespace authflow {

// For the thread of its executor only.
class ExitWork {
 public:
  explicit ExitWork(Executor executor) : changed_(std::move(executor)) {}
  void Begin() { ++open_; }
  void End() {
    --open_;
    changed_.Poke();
  }
  // Until nothing is open, or `limit`.
  Task<void> WaitUntil(SteadyTime limit) {
    while (open_ > 0 && SteadyNow() < limit) co_await changed_.WaitUntil(limit);
  }

 private:
  int open_ = 0;
  Event changed_;
};

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_EXIT_WORK_H_
