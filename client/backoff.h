// How long to wait before the next try.
#ifndef AUTHFLOW_CLIENT_BACKOFF_H_
#define AUTHFLOW_CLIENT_BACKOFF_H_

#include <algorithm>

#include "absl/time/time.h"

namespace authflow {

// Grows from 0.1 s by 1.6 to `most`; each wait is between half and all of that. Not thread-safe.
class Backoff {
 public:
  explicit Backoff(absl::Duration most) : most_(most) {}
  // `fraction` in [0, 1) is the caller's randomness.
  absl::Duration Next(double fraction) {
    const absl::Duration wait = next_ * (0.5 + fraction / 2);
    next_ = std::min(next_ * 1.6, most_);
    return wait;
  }
  void Reset() { next_ = kFirst; }

 private:
  static constexpr absl::Duration kFirst = absl::Milliseconds(100);
  absl::Duration most_;
  absl::Duration next_ = kFirst;
};

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_BACKOFF_H_
