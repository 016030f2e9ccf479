// Every metric family of the server, built once. Knows prometheus-cpp, so that nobody else has to.
#ifndef AUTHFLOW_SERVER_METRICS_METRICS_H_
#define AUTHFLOW_SERVER_METRICS_METRICS_H_

#include <memory>
#include <string>
#include <vector>

#include "server/delivery/delivery_observer.h"
#include "server/delivery/outbox.h"
#include "server/flow/flow_store.h"
#include "server/flow/observer.h"
#include "server/rpc/observer.h"
#include "server/storage/storage.h"

namespace authflow {

struct ProductLabels {
  std::string id;
  std::string sink;  // Sink::kind()
};

// Thread-safe. Outlives all whom it observes.
class Metrics {
 public:
  Metrics(const std::string& version, const std::vector<ProductLabels>& products);
  ~Metrics();

  FlowObserver& flows();
  StorageObserver& storage();
  DeliveryObserver& delivery();
  RpcObserver& rpc();

  // What is counted elsewhere: set before Text.
  void SetFlowTotals(const std::vector<FlowTotals>& totals);
  void SetOutbox(const std::vector<OutboxStats>& stats, absl::Time now);

  // All families in Prometheus' text format 0.0.4.
  std::string Text() const;

 private:
  struct Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_METRICS_METRICS_H_
