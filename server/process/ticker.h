// Something that is done again and again, never twice at once.
#ifndef AUTHFLOW_SERVER_PROCESS_TICKER_H_
#define AUTHFLOW_SERVER_PROCESS_TICKER_H_

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <functional>

#include "absl/time/time.h"
#include "server/base/task.h"
#include "server/flow/detached.h"

namespace authflow {

// Runs `tick` on a strand of `executor`, `pause` after the one before has ended; at once again while it returns true
// (there is more). All that `tick` uses outlives Stop.
class Ticker {
 public:
  Ticker(Executor executor, absl::Duration pause, std::function<Task<bool>()> tick);
  // Stops.
  ~Ticker();
  // Waits for the tick that runs. Blocks: not for the executor's threads. Again: nothing happens.
  void Stop();

 private:
  static Task<void> Run(Ticker* self);

  const absl::Duration pause_;
  const std::function<Task<bool>()> tick_;
  boost::asio::strand<Executor> strand_;
  boost::asio::steady_timer timer_;  // of the strand
  bool stopped_ = false;             // of the strand
  Nursery nursery_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_TICKER_H_
