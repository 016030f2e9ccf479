// What the store commits, and what becomes of the events in its outbox.
#ifndef AUTHFLOW_SERVER_METRICS_STORE_METRICS_H_
#define AUTHFLOW_SERVER_METRICS_STORE_METRICS_H_

#include <string>
#include <vector>

#include "server/delivery/delivery_observer.h"
#include "server/delivery/outbox.h"
#include "server/metrics/kept.h"
#include "server/storage/storage.h"

namespace authflow {

class StoreMetrics final : public StorageObserver, public DeliveryObserver {
 public:
  // (product, kind of its sink): rows exist from the start.
  StoreMetrics(prometheus::Registry& registry, const std::vector<std::pair<std::string, std::string>>& sinks);

  void OnCommit(int writes, absl::Duration latency, const absl::Status& status) override;
  void OnDelivery(const std::string& product, const std::string& sink, const std::string& result,
                  const std::string& reason, int events, absl::Duration latency) override;
  // Products that are not in it have an empty outbox.
  void SetOutbox(const std::vector<OutboxStats>& stats, absl::Time now);

 private:
  const std::vector<std::pair<std::string, std::string>> sinks_;
  Histograms batch_size_;
  Histograms commit_duration_;
  Counters commit_failures_;
  prometheus::Histogram& batch_;
  prometheus::Histogram& commit_;
  Gauges outbox_events_;
  Gauges oldest_age_;
  Counters deliveries_;
  Counters delivered_events_;
  Counters dead_events_;
  Histograms delivery_duration_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_METRICS_STORE_METRICS_H_
