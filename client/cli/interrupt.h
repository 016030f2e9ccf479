// SIGINT, SIGTERM and SIGHUP: the person, or the machine, wants us gone.
#ifndef AUTHFLOW_CLIENT_CLI_INTERRUPT_H_
#define AUTHFLOW_CLIENT_CLI_INTERRUPT_H_

#include <boost/asio/basic_signal_set.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "client/cli/event.h"
#include "server/base/task.h"

namespace authflow {

// The first signal ends the work that is guarded; the second calls `leave`. For the thread of its executor only; one
// guarded work at a time.
class Interrupt {
 public:
  // `leave` ends the process at once.
  Interrupt(Executor executor, std::function<void()> leave);

  bool happened() const { return happened_; }
  // When the first signal came.
  SteadyTime at() const { return at_; }
  // Called by the first signal; one at a time, the last one given counts.
  void OnSignal(std::function<void()> call) { on_signal_ = std::move(call); }

  // Runs `work` and gives its result. After a signal: nullopt, without waiting for `work`, which is told to stop and
  // holds what it needs by itself. An exception of `work` is thrown on.
  template <typename T>
  Task<std::optional<T>> Guard(Task<T> work) {
    struct State {
      explicit State(Executor executor) : ended(std::move(executor)) {}
      Event ended;
      std::optional<T> result;
      std::exception_ptr error;
      boost::asio::cancellation_signal stop;
    };
    const Executor executor = co_await boost::asio::this_coro::executor;
    auto state = std::make_shared<State>(executor);
    auto done = [state, this](std::exception_ptr error, T result) {
      state->error = error;
      if (!error) state->result.emplace(std::move(result));
      state->ended.Set();
      event_.Poke();
    };
    boost::asio::co_spawn(executor, std::move(work),
                          boost::asio::bind_cancellation_slot(state->stop.slot(), std::move(done)));
    while (!happened_ && !state->ended.is_set()) co_await event_.WaitUntil(SteadyTime::max());
    if (state->ended.is_set()) {
      if (state->error && !happened_) std::rethrow_exception(state->error);
      co_return std::move(state->result);
    }
    state->stop.emit(boost::asio::cancellation_type::terminal);
    co_return std::nullopt;
  }

 private:
  void Wait();

  boost::asio::basic_signal_set<Executor> signals_;
  Event event_;
  std::function<void()> leave_;
  std::function<void()> on_signal_;
  bool happened_ = false;
  SteadyTime at_;
};

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_INTERRUPT_H_
