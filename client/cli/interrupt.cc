#include "client/cli/interrupt.h"

#include <csignal>
#include <utility>

namespace authflow {

Interrupt::Interrupt(Executor executor, std::function<void()> leave)
    : signals_(executor, SIGINT, SIGTERM), event_(std::move(executor)), leave_(std::move(leave)) {
  // Under nohup the terminal may go and we stay.
  struct sigaction now = {};
  if (sigaction(SIGHUP, nullptr, &now) == 0 && now.sa_handler != SIG_IGN) signals_.add(SIGHUP);
  Wait();
}

void Interrupt::Wait() {
  signals_.async_wait([this](const boost::system::error_code& error, int) {
    if (error) return;
    if (happened_) return leave_();
    happened_ = true;
    at_ = SteadyNow();
    event_.Set();
    if (on_signal_) on_signal_();
    Wait();
  });
}

}  // namespace authflow
