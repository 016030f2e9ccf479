// The process itself, as Prometheus client libraries usually tell it. Read from /proc at each scrape.
#ifndef AUTHFLOW_SERVER_METRICS_PROCESS_METRICS_H_
#define AUTHFLOW_SERVER_METRICS_PROCESS_METRICS_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

namespace authflow {

class ProcessMetrics final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_METRICS_PROCESS_METRICS_H_
