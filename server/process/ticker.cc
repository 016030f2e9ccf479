#include "server/process/ticker.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <utility>

namespace authflow {

Ticker::Ticker(Executor executor, absl::Duration pause, std::function<Task<bool>()> tick)
    : pause_(pause), tick_(std::move(tick)), strand_(executor), timer_(strand_) {
  nursery_.Enter();
  boost::asio::co_spawn(strand_, Run(this), [this](std::exception_ptr) { nursery_.Leave(); });
}

Ticker::~Ticker() { Stop(); }

void Ticker::Stop() {
  nursery_.Enter();
  boost::asio::post(strand_, [this] {
    stopped_ = true;
    timer_.cancel();
    nursery_.Leave();
  });
  nursery_.WaitUntilEmpty(absl::InfiniteDuration());
}

Task<void> Ticker::Run(Ticker* self) {
  while (!self->stopped_) {
    const bool more = co_await self->tick_();
    if (more || self->stopped_) continue;
    self->timer_.expires_after(absl::ToChronoNanoseconds(self->pause_));
    boost::system::error_code cancelled;
    co_await self->timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable_t<Executor>(), cancelled));
  }
}

}  // namespace authflow
