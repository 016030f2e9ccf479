#include "server/base/executor.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <thread>

#include "absl/synchronization/notification.h"
#include "server/base/task.h"
#include "tests/support/run_task.h"

namespace authflow {
namespace {

// An eager coroutine that waits for an answer, and the thread on which it goes on with it.
class Waiter {
 public:
  Waiter() { boost::asio::co_spawn(Eager(&Pool()), Run(this), boost::asio::detached); }

  void Answer() { done_(1); }
  bool ended() const { return ended_.HasBeenNotified(); }
  std::thread::id thread() {
    ended_.WaitForNotification();
    return thread_;
  }

 private:
  // One for all: those of another pool are not gathered with them.
  static const Executor& Pool() {
    static const Executor pool = TestExecutor();
    return pool;
  }
  static Task<void> Run(Waiter* self) {
    auto start = [self](Done<int> done) { self->done_ = std::move(done); };
    (void)co_await Await<int>(std::move(start));
    self->thread_ = std::this_thread::get_id();
    self->ended_.Notify();
  }

  Done<int> done_;
  std::thread::id thread_;
  absl::Notification ended_;
};

TEST(ResumptionsTest, AnEagerCoroutineGoesOnInThePool) {
  Waiter alone;
  alone.Answer();
  EXPECT_NE(alone.thread(), std::this_thread::get_id());
}

TEST(ResumptionsTest, GatheredOnesGoOnInThePoolWhenAllHaveTheirAnswers) {
  Waiter first;
  Waiter second;
  {
    const Resumptions together;
    first.Answer();
    EXPECT_FALSE(first.ended());
    second.Answer();
  }
  EXPECT_NE(first.thread(), std::this_thread::get_id());
  EXPECT_EQ(first.thread(), second.thread());
}

TEST(ResumptionsTest, OrHereInTheirOrder) {
  Waiter first;
  Waiter second;
  {
    const Resumptions here(Resumptions::Where::kHere);
    first.Answer();
    second.Answer();
    EXPECT_FALSE(first.ended());
  }
  ASSERT_TRUE(first.ended() && second.ended());
  EXPECT_EQ(first.thread(), std::this_thread::get_id());
  EXPECT_EQ(second.thread(), std::this_thread::get_id());
}

// What goes on here answers another, which is not gathered any more.
TEST(ResumptionsTest, WhatGoesOnHereMayHaveAnAnswerForAnother) {
  Waiter other;
  {
    const Resumptions outer(Resumptions::Where::kHere);
    {
      const Resumptions inner(Resumptions::Where::kHere);
      other.Answer();
    }
    EXPECT_TRUE(other.ended());
  }
  EXPECT_EQ(other.thread(), std::this_thread::get_id());
}

}  // namespace
}  // namespace authflow
