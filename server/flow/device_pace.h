// How often the provider may be asked about a device code (RFC 8628 3.5), for all calls of this replica together.
#ifndef AUTHFLOW_SERVER_FLOW_DEVICE_PACE_H_
#define AUTHFLOW_SERVER_FLOW_DEVICE_PACE_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/task.h"
#include "server/provider/provider.h"

namespace authflow {

// Keys stand for codes; the codes themselves are not kept. Thread-safe.
class DevicePace {
 public:
  // Calls back once: after `duration` with true, or at once with false when the server is about to stop.
  using Sleep = std::function<void(absl::Duration duration, Done<bool> woken)>;

  explicit DevicePace(Sleep sleep) : sleep_(std::move(sleep)) {}

  // The next moment at which the code may be asked for; it is the caller's, the next one to ask gets a later one.
  // nullopt, and nothing is taken: it would be after `until`. A code that is not known yet waits its `interval` first,
  // and is forgotten when it has expired.
  std::optional<absl::Time> Take(const std::string& key, absl::Duration interval, absl::Time expire, absl::Time now,
                                 absl::Time until);

  // What was answered: slow_down makes all later waits 5 s longer, a provider that is away makes them twice as long, up
  // to a minute (RFC 8628 3.5).
  void Answered(const std::string& key, DeviceAnswer::State state, absl::Time now);

  // False: the server is about to stop.
  Task<bool> Wait(absl::Duration duration);

 private:
  struct Pace {
    absl::Duration interval;
    absl::Time last;  // asked, or begun, or the moment that somebody took
    absl::Time expire;
  };

  const Sleep sleep_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Pace> paces_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FLOW_DEVICE_PACE_H_
