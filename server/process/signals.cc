#include "server/process/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/base/thread_name.h"

namespace authflow {
namespace {

// Some senders (timeout, a terminal and a supervisor at once) signal both the process and its group: one wish, two
// signals.
constexpr absl::Duration kSameStop = absl::Milliseconds(300);

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

void TakeSignals() {
  const sigset_t set = StopSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
}

bool StopComesWithin(absl::Duration time) {
  const sigset_t set = StopSignals();
  const timespec wait = absl::ToTimespec(time);
  return sigtimedwait(&set, nullptr, &wait) > 0;
}

void GiveSignalsBack() {
  const sigset_t set = StopSignals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void WaitForStop() {
  const sigset_t set = StopSignals();
  int signal = 0;
  sigwait(&set, &signal);
  std::thread([set, stopped = absl::Now()] {
    const ThreadName name("signals");
    int again = 0;
    do {
      sigwait(&set, &again);
    } while (absl::Now() - stopped < kSameStop);
    _exit(1);
  }).detach();
}

}  // namespace authflow
