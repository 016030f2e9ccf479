// What the rules tell whoever counts. Metrics and logs implement it.
#ifndef AUTHFLOW_SERVER_FLOW_OBSERVER_H_
#define AUTHFLOW_SERVER_FLOW_OBSERVER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/flow/flow.h"

namespace authflow {

// Thread-safe, quick, never fails. Called after the commit, once per accepted entry on the replica that wrote it.
class FlowObserver {
 public:
  virtual ~FlowObserver() = default;
  // `after` is the flow with the entry; for *started* `before` is empty (length 0).
  virtual void OnEntry(const Flow& before, const Flow& after, const Entry& entry) = 0;
  // A call to the provider or the application directory ended: call is "exchange", "refresh", "revoke", "list",
  // "create".
  virtual void OnCall(const std::string& product, const char* call, const absl::Status& status,
                      absl::Duration latency) = 0;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FLOW_OBSERVER_H_
