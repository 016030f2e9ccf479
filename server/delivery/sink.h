// Where events go. One object per product.
#ifndef AUTHFLOW_SERVER_DELIVERY_SINK_H_
#define AUTHFLOW_SERVER_DELIVERY_SINK_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/base/task.h"

namespace authflow {

// Segment's limits, kept for every sink. Of one message; and of all messages of a batch together with one byte for
// each, which leaves room for an envelope within 500 KB.
inline constexpr size_t kMaxMessageBytes = 32 * 1024;
inline constexpr size_t kMaxBatchBytes = 500'000 - 1'000;

// What became of a batch.
struct Delivery {
  enum class Result {
    kDelivered,  // all of it
    kRetry,      // nothing is known; the same batch again after a while (5xx, 429, timeout, no connection)
    kRefused,    // the sink refuses content (400, 413, 422): to be isolated one event at a time
    kOutage,     // the sink refuses us (401, 403, 404): retried as an outage, with an alarm, never a dead letter
  };
  Result result = Result::kRetry;
  std::string reason;                         // "503", "timeout": a metric label and a log field; empty when delivered
  std::optional<absl::Duration> retry_after;  // what the sink asked for
};

// Thread-safe. Outlives what it was asked to deliver.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual const char* kind() const = 0;  // "segment", "file", "none", "console": a metric label
  // Deliver ends within this time: leases are made longer.
  virtual absl::Duration timeout() const = 0;
  // `messages` are complete JSON documents, one an event, in order and at least one, within the limits above.
  virtual Task<Delivery> Deliver(std::vector<std::string> messages) = 0;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_DELIVERY_SINK_H_
