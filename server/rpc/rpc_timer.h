// Counts one call: started when it is made, handled once.
#ifndef AUTHFLOW_SERVER_RPC_RPC_TIMER_H_
#define AUTHFLOW_SERVER_RPC_RPC_TIMER_H_

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/rpc/observer.h"
#include "server/rpc/wire.h"

namespace authflow {

class RpcTimer {
 public:
  RpcTimer(RpcObserver& observer, size_t method, std::string trace_id)
      : observer_(observer), method_(method), trace_id_(std::move(trace_id)), start_(std::chrono::steady_clock::now()) {
    observer_.OnRpcStarted(method_);
  }

  void Handled(const absl::Status& status, const Note& note) {
    RpcRecord record;
    record.method = method_;
    record.code = status.code();
    record.reason = ClassOf(status);
    record.message = std::string(status.message());
    const Note::Place place = note.Get();
    record.flow_id = place.flow_id;
    record.step = place.step;
    record.trace_id = trace_id_;
    record.latency = absl::FromChrono(std::chrono::steady_clock::now() - start_);
    observer_.OnRpcHandled(record);
  }

 private:
  RpcObserver& observer_;
  const size_t method_;
  const std::string trace_id_;
  const std::chrono::steady_clock::time_point start_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_RPC_TIMER_H_
