// The threads that coroutines run on.
#ifndef AUTHFLOW_SERVER_PROCESS_WORKERS_H_
#define AUTHFLOW_SERVER_PROCESS_WORKERS_H_

#include <algorithm>
#include <boost/asio/require.hpp>
#include <boost/asio/thread_pool.hpp>
#include <thread>

#include "server/base/task.h"
#include "server/base/thread_name.h"

namespace authflow {

// Made first and destroyed last: a coroutine's frame must not outlive its executor.
class Workers {
 public:
  // What is given to it runs later, also when one of its own threads gives it.
  Executor executor() { return boost::asio::require(pool_.get_executor(), boost::asio::execution::blocking.never); }
  // Waits until no coroutine, timer or posted function is left, then ends the threads.
  void Join() { pool_.join(); }

 private:
  static boost::asio::thread_pool Start() {
    const ThreadName name("worker");
    return boost::asio::thread_pool(std::max(2u, std::thread::hardware_concurrency()));
  }

  boost::asio::thread_pool pool_ = Start();
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_WORKERS_H_
