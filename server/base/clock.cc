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

// In whole microseconds, as the store keeps times: what is answered from memory is what is read back later.
absl::Time SystemClock::Now() const {
  return absl::FromUnixMicros(absl::ToUnixMicros(wall_at_start_ + (SinceBoot() - boot_at_start_)));
}

}  // namespace authflow
