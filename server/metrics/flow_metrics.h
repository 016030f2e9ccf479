// What flows do, and the calls that they make to the provider and the application directory.
#ifndef AUTHFLOW_SERVER_METRICS_FLOW_METRICS_H_
#define AUTHFLOW_SERVER_METRICS_FLOW_METRICS_H_

#include <string>
#include <string_view>
#include <vector>

#include "server/flow/flow_store.h"
#include "server/flow/observer.h"
#include "server/metrics/kept.h"

namespace authflow {

class FlowMetrics final : public FlowObserver {
 public:
  // Rows of these products exist from the start, so that rate() sees the first increment.
  FlowMetrics(prometheus::Registry& registry, const std::vector<std::string>& products);

  void OnEntry(const Flow& before, const Flow& after, const Entry& entry) override;
  void OnCall(const std::string& product, const char* call, const absl::Status& status,
              absl::Duration latency) override;
  // What the store has counted. Products and kinds that are not in it had no flow.
  void SetTotals(const std::vector<FlowTotals>& totals);

 private:
  // A row for each end that a flow may be expected to have: 115 for a product and kind. Others appear as they happen.
  void ExpectEnds(const std::string& product, std::string_view kind);
  void OnEnded(const Flow& flow);

  const std::vector<std::string> products_;
  Counters started_;
  Counters steps_;
  Counters finished_;
  Counters recorded_;
  Gauges active_;
  Histograms flow_duration_;
  Histograms step_duration_;
  Counters exchanges_;
  Histograms exchange_duration_;
  Counters application_calls_;
  Histograms application_call_duration_;
  Counters token_calls_;
  Histograms token_call_duration_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_METRICS_FLOW_METRICS_H_
