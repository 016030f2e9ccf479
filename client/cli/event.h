// Waiting inside one thread of coroutines until something is so.
#ifndef AUTHFLOW_CLIENT_CLI_EVENT_H_
#define AUTHFLOW_CLIENT_CLI_EVENT_H_

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/wait_traits.hpp>
#include <chrono>
#include <list>
#include <utility>

#include "server/base/task.h"

namespace authflow {

using SteadyTime = std::chrono::steady_clock::time_point;
inline SteadyTime SteadyNow() { return std::chrono::steady_clock::now(); }

// For the thread of its executor only. Waiters may wake early: they look again at what they wait for.
class Event {
 public:
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

  explicit Event(Executor executor) : executor_(std::move(executor)) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // Stays set.
  void Set() {
    set_ = true;
    Poke();
  }
  bool is_set() const { return set_; }
  // Wakes who waits now.
  void Poke() {
    for (Timer* timer : waiting_) timer->cancel();
  }

  // Until Set, Poke or `limit`, whichever comes first. True: it is set.
  Task<bool> WaitUntil(SteadyTime limit) {
    if (set_) co_return true;
    Timer timer(executor_, limit);
    const Listed listed(waiting_, &timer);
    co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable_t<Executor>()));
    co_return set_;
  }

 private:
  // Takes itself off the list when its frame goes, finished or not.
  class Listed {
   public:
    Listed(std::list<Timer*>& list, Timer* timer) : list_(list), place_(list.insert(list.end(), timer)) {}
    ~Listed() { list_.erase(place_); }
    Listed(const Listed&) = delete;
    Listed& operator=(const Listed&) = delete;

   private:
    std::list<Timer*>& list_;
    std::list<Timer*>::iterator place_;
  };

  const Executor executor_;
  std::list<Timer*> waiting_;
  bool set_ = false;
};

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_EVENT_H_
