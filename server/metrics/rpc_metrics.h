// Calls by service, method and code, named as the go-grpc ecosystem names them.
#ifndef AUTHFLOW_SERVER_METRICS_RPC_METRICS_H_
#define AUTHFLOW_SERVER_METRICS_RPC_METRICS_H_

#include <array>

#include "server/metrics/kept.h"
#include "server/rpc/observer.h"

namespace authflow {

class RpcMetrics final : public RpcObserver {
 public:
  explicit RpcMetrics(prometheus::Registry& registry);

  void OnRpcStarted(size_t method) override { methods_[method].started->Increment(); }
  void OnRpcHandled(const RpcRecord& record) override;

 private:
  struct Method {
    prometheus::Counter* started = nullptr;
    std::array<prometheus::Counter*, kRpcCodes> handled = {};
    prometheus::Histogram* seconds = nullptr;
  };
  std::array<Method, kRpcMethods.size()> methods_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_METRICS_RPC_METRICS_H_
