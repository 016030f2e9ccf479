// Says what is waited for while it lasts, so that no wait looks like a hang.
#ifndef AUTHFLOW_CLIENT_CLI_WAIT_LINE_H_
#define AUTHFLOW_CLIENT_CLI_WAIT_LINE_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "client/cli/event.h"
#include "client/cli/output.h"
#include "server/base/task.h"

namespace authflow {

struct Waiting {
  std::string what;    // "Waiting for the browser"
  std::string advice;  // "Ctrl-C cancels."; may be empty
  // When the wait ends by itself, if that is known: the time left is shown.
  std::optional<SteadyTime> ends;
  // Said instead of `what` when it takes longer than `patience`; empty: never.
  std::string slow;
  std::chrono::milliseconds patience{1000};
  SteadyTime begun = SteadyNow();
};

// From its making to its end one line moves below what is said; it appears after a moment, so that a short wait shows
// nothing. Where lines cannot be redrawn, `slow` is said once, and on a terminal `what` too if `ends` is known. `out`
// outlives it. For the thread of its executor only.
class WaitLine {
 public:
  WaitLine(Executor executor, const Output& out, Waiting wait);
  ~WaitLine();
  WaitLine(const WaitLine&) = delete;
  WaitLine& operator=(const WaitLine&) = delete;

  // Stands before the advice from the next frame on: what the person has typed so far.
  void Note(std::string note);

 private:
  struct State;
  static void Tick(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

// "9:41", "0:05"; rounded up, never negative.
std::string TimeLeft(SteadyTime::duration left);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_WAIT_LINE_H_
