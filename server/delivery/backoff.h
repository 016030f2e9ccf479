// How long a lane rests after a failure. Pure.
#ifndef AUTHFLOW_SERVER_DELIVERY_BACKOFF_H_
#define AUTHFLOW_SERVER_DELIVERY_BACKOFF_H_

#include <optional>
#include <string_view>

#include "absl/time/time.h"

namespace authflow {

inline constexpr absl::Duration kFirstBackoff = absl::Milliseconds(500);
inline constexpr absl::Duration kMaxBackoff = absl::Seconds(60);
inline constexpr absl::Duration kMaxRetryAfter = absl::Minutes(5);

// Exponential with full jitter: `fraction` (in [0, 1)) of a ceiling that begins at kFirstBackoff after the first
// failure in a row (`failures` = 1), doubles with each, and stays at kMaxBackoff.
absl::Duration Backoff(int failures, double fraction);

// The same, but not before the time that the sink asked for (which counts up to kMaxRetryAfter).
absl::Duration Rest(int failures, double fraction, std::optional<absl::Duration> retry_after);

// The value of a Retry-After header (RFC 9110 10.2.3): seconds or an HTTP date (RFC 9110 5.6.7, the preferred form).
// A date that has passed is 0; nullopt for anything else.
std::optional<absl::Duration> ParseRetryAfter(std::string_view value, absl::Time now);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_DELIVERY_BACKOFF_H_
