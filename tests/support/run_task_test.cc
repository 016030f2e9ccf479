#include "tests/support/run_task.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>

namespace authflow {
namespace {

Task<std::string> Greet(std::string name) {
  // Named: GCC 12 destroys the captures of a temporary lambda twice when it stands in a co_await expression.
  auto start = [name](Done<std::string> done) { std::thread([name, done] { done("hello " + name); }).detach(); };
  const std::string greeting = co_await Await<std::string>(std::move(start));
  co_return greeting;
}

Task<void> Throw() {
  throw std::runtime_error("thrown");
  co_return;
}

TEST(RunTaskTest, ReturnsWhatTheTaskReturns) { EXPECT_EQ(Wait(Greet("you")), "hello you"); }

TEST(RunTaskTest, RunsOnTheGivenExecutor) {
  boost::asio::thread_pool pool(1);
  EXPECT_EQ(Wait(pool.get_executor(), Greet("pool")), "hello pool");
}

TEST(RunTaskTest, ThrowsWhatTheTaskThrows) { EXPECT_THROW(Wait(Throw()), std::runtime_error); }

}  // namespace
}  // namespace authflow
