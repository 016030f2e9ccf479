// Time at the edge of the server. Rules take the time as an argument; only tickers, timers and use cases hold a Clock.
#ifndef AUTHFLOW_SERVER_BASE_CLOCK_H_
#define AUTHFLOW_SERVER_BASE_CLOCK_H_

#include <atomic>

#include "absl/time/time.h"

namespace authflow {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall time; never goes back within one process, and does not follow a jump of the machine's wall clock.
  virtual absl::Time Now() const = 0;
};

// Wall time at start plus elapsed time since boot (CLOCK_BOOTTIME: a suspended machine's time counts).
class SystemClock final : public Clock {
 public:
  SystemClock();
  absl::Time Now() const override;

 private:
  absl::Time wall_at_start_;
  absl::Duration boot_at_start_;
};

// Stands still until told. For tests.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(absl::Time now) : nanos_(absl::ToUnixNanos(now)) {}
  absl::Time Now() const override { return absl::FromUnixNanos(nanos_.load()); }
  void Advance(absl::Duration by) { nanos_ += absl::ToInt64Nanoseconds(by); }

 private:
  std::atomic<int64_t> nanos_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_CLOCK_H_
