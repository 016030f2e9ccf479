#include "server/metrics/store_metrics.h"

#include <algorithm>
#include <map>

#include "server/metrics/result.h"

namespace authflow {
namespace {

const prometheus::Histogram::BucketBoundaries kBatch = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
const prometheus::Histogram::BucketBoundaries kCommitSeconds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                                0.01,   0.025,   0.05,   0.1,   0.25,   1};
const prometheus::Histogram::BucketBoundaries kDeliverySeconds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                                  0.5,   1,    2.5,   5,    10,  30};

}  // namespace

StoreMetrics::StoreMetrics(prometheus::Registry& registry,
                           const std::vector<std::pair<std::string, std::string>>& sinks)
    : sinks_(sinks),
      batch_size_(registry, "authflow_store_commit_batch_size", "Writes that were committed together.", {}, kBatch),
      commit_duration_(registry, "authflow_store_commit_duration_seconds", "Commits, synced to disk.", {},
                       kCommitSeconds),
      commit_failures_(registry, "authflow_store_commit_failures_total",
                       "Commits that failed; reason is the error class.", {"reason"}),
      batch_(batch_size_.With({})),
      commit_(commit_duration_.With({})),
      outbox_events_(registry, "authflow_outbox_events",
                     "Events in the outbox: pending wait for their sink, dead were refused by it.",
                     {"product", "state"}),
      oldest_age_(registry, "authflow_outbox_oldest_age_seconds",
                  "Since when the oldest pending event waits; 0 when none does.", {"product"}),
      deliveries_(registry, "authflow_deliveries_total",
                  "Batches given to a sink: delivered, retry, refused, outage; or parked as dead.",
                  {"product", "sink", "result"}),
      delivered_events_(registry, "authflow_delivered_events_total", "Events that a sink took.", {"product", "sink"}),
      dead_events_(registry, "authflow_dead_events_total", "Events that were parked as dead letters.",
                   {"product", "sink"}),
      delivery_duration_(registry, "authflow_delivery_duration_seconds", "Requests to a sink.", {"product", "sink"},
                         kDeliverySeconds) {
  for (const char* reason : {"STORE_UNAVAILABLE", "STORE_FULL"}) commit_failures_.With({reason});
  for (const auto& [product, sink] : sinks_) {
    for (const char* result : {"delivered", "retry", "refused", "outage", "dead"}) {
      deliveries_.With({product, sink, result});
    }
    delivered_events_.With({product, sink});
    dead_events_.With({product, sink});
    delivery_duration_.With({product, sink});
  }
  SetOutbox({}, absl::UnixEpoch());
}

void StoreMetrics::OnCommit(int writes, absl::Duration latency, const absl::Status& status) {
  batch_.Observe(writes);
  commit_.Observe(absl::ToDoubleSeconds(latency));
  if (!status.ok()) commit_failures_.With({ResultName(status)}).Increment();
}

void StoreMetrics::OnDelivery(const std::string& product, const std::string& sink, const std::string& result,
                              const std::string& /*reason*/, int events, absl::Duration latency) {
  deliveries_.With({product, sink, result}).Increment();
  if (result == "dead") {
    dead_events_.With({product, sink}).Increment(events);
    return;
  }
  if (result == "delivered") delivered_events_.With({product, sink}).Increment(events);
  delivery_duration_.With({product, sink}).Observe(absl::ToDoubleSeconds(latency));
}

void StoreMetrics::SetOutbox(const std::vector<OutboxStats>& stats, absl::Time now) {
  std::map<std::string, OutboxStats> rows;
  for (const auto& [product, sink] : sinks_) rows[product];
  for (const OutboxStats& row : stats) rows[row.product] = row;
  for (const auto& [product, row] : rows) {
    outbox_events_.With({product, "pending"}).Set(static_cast<double>(row.pending));
    outbox_events_.With({product, "dead"}).Set(static_cast<double>(row.dead));
    const absl::Duration age = row.oldest_pending ? now - *row.oldest_pending : absl::ZeroDuration();
    oldest_age_.With({product}).Set(std::max(0.0, absl::ToDoubleSeconds(age)));
  }
}

}  // namespace authflow
