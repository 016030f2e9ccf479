// What people hear of delivery: metrics through the observer, and the log. Never content.
#include <algorithm>

#include "server/base/log/log.h"
#include "server/delivery/product_delivery.h"

namespace authflow {

// One line a minute tells of a trouble that lasts.
constexpr absl::Duration kLogEvery = absl::Minutes(1);

void ProductDelivery::Report(const Delivery& delivery, const char* result, int events, absl::Duration latency) {
  latency = std::max(latency, absl::ZeroDuration());
  if (parts_.observer != nullptr) {
    parts_.observer->OnDelivery(parts_.product, parts_.sink->kind(), result, delivery.reason, events, latency);
  }
  LogTrouble(delivery);
}

void ProductDelivery::ReportUnsendable(const std::vector<DeadEvent>& dead) {
  for (const DeadEvent& event : dead) {
    Log(LogLevel::kError, "event is a dead letter: it cannot be sent",
        {{"product", parts_.product}, {"outbox_id", event.id}, {"reason", event.reason}});
    if (parts_.observer == nullptr) continue;
    parts_.observer->OnDelivery(parts_.product, parts_.sink->kind(), "dead", event.reason, 1, absl::ZeroDuration());
  }
}

void ProductDelivery::LogTrouble(const Delivery& delivery) {
  const char* sink = parts_.sink->kind();
  if (delivery.result == Delivery::Result::kDelivered) {
    if (in_trouble_) Log(LogLevel::kInfo, "sink takes events again", {{"product", parts_.product}, {"sink", sink}});
    in_trouble_ = false;
    logged_ = absl::InfinitePast();
    return;
  }
  const absl::Time now = parts_.clock.Now();
  if (now - logged_ < kLogEvery) return;
  logged_ = now;
  LogLevel level = LogLevel::kError;
  const char* event = "sink refuses content: see the dead letters";
  if (delivery.result == Delivery::Result::kOutage) {
    in_trouble_ = true;
    event = "OUTAGE: sink refuses us: check its endpoint and key; events wait in the outbox";
  } else if (delivery.result == Delivery::Result::kRetry) {
    in_trouble_ = true;
    level = LogLevel::kWarning;
    event = "sink does not take events: they are sent again";
  }
  Log(level, event, {{"product", parts_.product}, {"sink", sink}, {"reason", delivery.reason}});
}

}  // namespace authflow
