// Writes of the delivery: claims of lanes, and what became of their events.
#ifndef AUTHFLOW_SERVER_STORAGE_OUTBOX_WRITES_H_
#define AUTHFLOW_SERVER_STORAGE_OUTBOX_WRITES_H_

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/task.h"
#include "server/delivery/outbox.h"
#include "server/storage/writer.h"

namespace authflow {

// Outbox::ClaimLane.
class ClaimWrite final : public Write {
 public:
  using Answer = absl::StatusOr<std::optional<Claim>>;
  ClaimWrite(std::string product, std::string holder, absl::Time now, absl::Duration lease, int max_events,
             Done<Answer> done)
      : product_(std::move(product)),
        holder_(std::move(holder)),
        now_(absl::ToUnixMicros(now)),
        lease_until_(absl::ToUnixMicros(now + lease)),
        max_events_(std::max(max_events, 1)),
        done_(std::move(done)) {}

  absl::Status Apply(Database& database, int64_t now) override;
  void Finish(const absl::Status& status) override;

 private:
  // By one of the two queries; nullopt: it finds none.
  absl::Status FindLane(Database& database, const char* how, std::optional<int>& lane);
  // The lane's next events. Those that follow a dead one of their flow are parked and left out.
  absl::Status Collect(Database& database, int lane);

  const std::string product_;
  const std::string holder_;
  const int64_t now_;
  const int64_t lease_until_;
  const int max_events_;
  const Done<Answer> done_;
  std::optional<Claim> claim_;
};

// Outbox::Settle.
class SettleWrite final : public Write {
 public:
  SettleWrite(Lane lane, std::string holder, std::vector<int64_t> delivered, std::vector<DeadEvent> dead,
              absl::Time not_before, Done<absl::StatusOr<bool>> done)
      : lane_(std::move(lane)),
        holder_(std::move(holder)),
        delivered_(std::move(delivered)),
        dead_(std::move(dead)),
        not_before_(absl::ToUnixMicros(not_before)),
        done_(std::move(done)) {}

  absl::Status Apply(Database& database, int64_t now) override;
  void Finish(const absl::Status& status) override;

 private:
  const Lane lane_;
  const std::string holder_;
  const std::vector<int64_t> delivered_;
  const std::vector<DeadEvent> dead_;
  const int64_t not_before_;
  const Done<absl::StatusOr<bool>> done_;
  bool settled_ = false;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_OUTBOX_WRITES_H_
