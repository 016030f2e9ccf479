#include "server/delivery/backoff.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "server/base/text.h"

namespace authflow {

absl::Duration Backoff(int failures, double fraction) {
  // 2^7 times the first is beyond the maximum.
  const int doublings = std::clamp(failures - 1, 0, 7);
  return std::min(kFirstBackoff * (int64_t{1} << doublings), kMaxBackoff) * fraction;
}

absl::Duration Rest(int failures, double fraction, std::optional<absl::Duration> retry_after) {
  const absl::Duration backoff = Backoff(failures, fraction);
  if (!retry_after) return backoff;
  return std::max(backoff, std::min(*retry_after, kMaxRetryAfter));
}

std::optional<absl::Duration> ParseRetryAfter(std::string_view value, absl::Time now) {
  const std::string text(absl::StripAsciiWhitespace(ToAbsl(value)));
  if (text.empty()) return std::nullopt;
  if (std::all_of(text.begin(), text.end(), absl::ascii_isdigit)) {
    int64_t seconds = 0;
    return absl::SimpleAtoi(text, &seconds) ? absl::Seconds(seconds) : absl::InfiniteDuration();
  }
  absl::Time date;
  if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", text, &date, nullptr)) return std::nullopt;
  return std::max(date - now, absl::ZeroDuration());
}

}  // namespace authflow
