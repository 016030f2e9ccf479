#include "server/base/clock.h"

#include <time.h>

#include "absl/time/clock.h"

namespace authflow {
namespace {

absl::Duration SinceBoot() {
  timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return absl::DurationFromTimespec(now);
}

}  // namespace

SystemClock::SystemClock() : wall_at_start_(absl::Now()), boot_at_start_(SinceBoot()) {}

absl::Time SystemClock::Now() const { return wall_at_start_ + (SinceBoot() - boot_at_start_); }

}  // namespace authflow
