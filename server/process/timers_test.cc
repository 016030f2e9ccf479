#include "server/process/timers.h"

#include <gtest/gtest.h>

#include <atomic>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "tests/support/run_task.h"

namespace authflow {
namespace {

TEST(TimersTest, ASleepEndsWhenItsTimeIsUp) {
  Timers timers(TestExecutor());
  absl::Notification ended;
  bool woken = false;
  timers.Sleep(absl::Milliseconds(1), [&](bool in_time) {
    woken = in_time;
    ended.Notify();
  });
  ended.WaitForNotification();
  EXPECT_TRUE(woken);
}

TEST(TimersTest, ADrainWakesAllAndNobodySleepsAfterIt) {
  Timers timers(TestExecutor());
  constexpr int kSleepers = 10;
  absl::BlockingCounter woken(kSleepers);
  std::atomic<int> in_time = 0;
  for (int i = 0; i < kSleepers; ++i) {
    timers.Sleep(absl::Hours(1), [&](bool whole) {
      in_time += whole;
      woken.DecrementCount();
    });
  }
  timers.Drain();
  woken.Wait();
  EXPECT_EQ(in_time, 0);
  bool late = true;
  timers.Sleep(absl::Hours(1), [&](bool whole) { late = whole; });
  EXPECT_FALSE(late) << "called back at once";
}

}  // namespace
}  // namespace authflow
