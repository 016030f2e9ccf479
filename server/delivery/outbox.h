// The transactional outbox from its far end: events that are committed and wait for their sink.
#ifndef AUTHFLOW_SERVER_DELIVERY_OUTBOX_H_
#define AUTHFLOW_SERVER_DELIVERY_OUTBOX_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authflow/v1/events.pb.h"
#include "server/base/task.h"

namespace authflow {

inline constexpr int kLanes = 64;

// A lane is (product, hash(invocation) mod kLanes): order holds inside it, one batch of it is in flight at a time.
struct Lane {
  std::string product;
  int number = 0;
};

struct OutboxEvent {
  int64_t id = 0;
  v1::FunnelEvent event;  // complete: numbered, with user and base properties; traits still sealed
};

struct Claim {
  Lane lane;
  std::string holder;               // who holds the lease: random per process
  std::vector<OutboxEvent> events;  // in order, at least one
};

struct DeadEvent {
  int64_t id = 0;
  std::string reason;  // what the sink said: status number and a word, never content
};

struct OutboxStats {
  std::string product;
  int64_t pending = 0;
  int64_t dead = 0;
  std::optional<absl::Time> oldest_pending;  // when it was committed
};

// Thread-safe. Errors: STORE_UNAVAILABLE, STORE_FULL.
class Outbox {
 public:
  virtual ~Outbox() = default;

  // Leases one lane of the product that has undelivered events, no live lease and is not put off, the one with the
  // oldest event first; nullopt: none. The same holder does not get a lane twice while its lease lives.
  virtual Task<absl::StatusOr<std::optional<Claim>>> ClaimLane(std::string product, std::string holder, absl::Time now,
                                                               absl::Duration lease, int max_events) = 0;
  // Ends the lease: `delivered` are gone; `dead` are parked, and with each what follows it in its flow (or, outside a
  // flow, nothing else); the lane is put off until `not_before`. Only for the holder of the lease; a lost lease settles
  // nothing (false).
  virtual Task<absl::StatusOr<bool>> Settle(Lane lane, std::string holder, std::vector<int64_t> delivered,
                                            std::vector<DeadEvent> dead, absl::Time not_before) = 0;
  virtual Task<absl::StatusOr<std::vector<OutboxStats>>> Stats() = 0;
  // `wake` is called, from any thread and quickly, after each commit that added events of a product.
  virtual void OnAdded(std::function<void(const std::string& product)> wake) = 0;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_DELIVERY_OUTBOX_H_
