// What people hear of delivery: metrics through the observer, and the log. Never content.
#include <spdlog/spdlog.h>

#include <algorithm>

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
    spdlog::error("delivery: event {} of product {} is a dead letter: {}", event.id, parts_.product, event.reason);
    if (parts_.observer == nullptr) continue;
    parts_.observer->OnDelivery(parts_.product, parts_.sink->kind(), "dead", event.reason, 1, absl::ZeroDuration());
  }
}

void ProductDelivery::LogTrouble(const Delivery& delivery) {
  if (delivery.result == Delivery::Result::kDelivered) {
    if (in_trouble_) spdlog::info("delivery: the {} sink of product {} takes events again", parts_.sink->kind(), parts_.product);
    in_trouble_ = false;
    logged_ = absl::InfinitePast();
    return;
  }
  const absl::Time now = parts_.clock.Now();
  if (now - logged_ < kLogEvery) return;
  logged_ = now;
  switch (delivery.result) {
    case Delivery::Result::kOutage:
      in_trouble_ = true;
      spdlog::error(
          "delivery: OUTAGE: the {} sink of product {} refuses us ({}): check its endpoint and key; events wait in the "
          "outbox",
          parts_.sink->kind(), parts_.product, delivery.reason);
      break;
    case Delivery::Result::kRefused:
      spdlog::error("delivery: the {} sink of product {} refuses content ({}): see the dead letters", parts_.sink->kind(),
                    parts_.product, delivery.reason);
      break;
    default:
      in_trouble_ = true;
      spdlog::warn("delivery: the {} sink of product {} does not take events ({}): they are sent again",
                   parts_.sink->kind(), parts_.product, delivery.reason);
  }
}

}  // namespace authflow
