#include "server/metrics/metrics.h"

#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <iterator>
#include <utility>

#include "server/metrics/flow_metrics.h"
#include "server/metrics/process_metrics.h"
#include "server/metrics/rpc_metrics.h"
#include "server/metrics/store_metrics.h"

namespace authflow {
namespace {

std::vector<std::string> Ids(const std::vector<ProductLabels>& products) {
  std::vector<std::string> ids;
  for (const auto& product : products) ids.push_back(product.id);
  return ids;
}

std::vector<std::pair<std::string, std::string>> Sinks(const std::vector<ProductLabels>& products) {
  std::vector<std::pair<std::string, std::string>> sinks;
  for (const auto& product : products) sinks.emplace_back(product.id, product.sink);
  return sinks;
}

}  // namespace

struct Metrics::Parts {
  explicit Parts(const std::vector<ProductLabels>& products)
      : flows(registry, Ids(products)), store(registry, Sinks(products)), rpc(registry) {}

  prometheus::Registry registry;
  FlowMetrics flows;
  StoreMetrics store;
  RpcMetrics rpc;
  ProcessMetrics process;
};

Metrics::Metrics(const std::string& version, const std::vector<ProductLabels>& products)
    : parts_(std::make_unique<Parts>(products)) {
  Gauges info(parts_->registry, "authflow_build_info", "Always 1; the labels say what runs.", {"version"});
  info.With({version}).Set(1);
}

Metrics::~Metrics() = default;

FlowObserver& Metrics::flows() { return parts_->flows; }
StorageObserver& Metrics::storage() { return parts_->store; }
DeliveryObserver& Metrics::delivery() { return parts_->store; }
RpcObserver& Metrics::rpc() { return parts_->rpc; }

void Metrics::SetFlowTotals(const std::vector<FlowTotals>& totals) { parts_->flows.SetTotals(totals); }

void Metrics::SetOutbox(const std::vector<OutboxStats>& stats, absl::Time now) { parts_->store.SetOutbox(stats, now); }

std::string Metrics::Text() const {
  auto families = parts_->registry.Collect();
  auto process = parts_->process.Collect();
  families.insert(families.end(), std::make_move_iterator(process.begin()), std::make_move_iterator(process.end()));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace authflow
