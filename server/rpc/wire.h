// What all calls of one server share.
#ifndef AUTHFLOW_SERVER_RPC_WIRE_H_
#define AUTHFLOW_SERVER_RPC_WIRE_H_

#include <atomic>
#include <boost/asio/execution.hpp>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "authflow/v1/flow.pb.h"
#include "server/base/task.h"
#include "server/base/uuid.h"
#include "server/flow/detached.h"
#include "server/rpc/admission.h"
#include "server/rpc/heartbeats.h"
#include "server/rpc/observer.h"

namespace authflow {

class StreamCall;

// The streams that are open, so that a drain can end them. Thread-safe.
class OpenStreams {
 public:
  // Each stream, those to come included, ends with its `draining` message.
  void Drain();

 private:
  friend class StreamCall;
  // True: the server is draining already.
  bool Add(const std::shared_ptr<StreamCall>& call);
  void Remove(const StreamCall* call);

  absl::Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<const StreamCall*, std::weak_ptr<StreamCall>> calls_ ABSL_GUARDED_BY(mutex_);
};

// Outlives every call: whoever owns it waits until `nursery` is empty.
struct Wire {
  // blocking.never. The one that detached work goes on, too: answers of both are handed over together (Resumptions).
  const Executor& executor;
  Nursery& nursery;       // counts each reactor and each coroutine
  RpcObserver& observer;  // hears of each call
  std::shared_ptr<Heartbeats> heartbeats;
  OpenStreams streams;
  Admission starts;  // of flows: in a flood those that have begun go on
};

// What a handler learns about its call, for the log, and whether somebody still waits. Thread-safe: a call that is
// cancelled is logged while its handler goes on.
class Note {
 public:
  explicit Note(Admission::Ticket ticket = nullptr) : ticket_(std::move(ticket)) {}
  struct Place {
    std::optional<FlowId> flow_id;  // nullopt: outside a flow, or not known yet
    v1::Step step = v1::STEP_UNSPECIFIED;
  };
  void Set(const FlowId& flow_id, v1::Step step = v1::STEP_UNSPECIFIED) {
    absl::MutexLock lock(&mutex_);
    place_ = {flow_id, step};
  }
  Place Get() const {
    absl::MutexLock lock(&mutex_);
    return place_;
  }
  // Of a call that was admitted, until its handler takes it.
  Admission::Ticket TakeTicket() { return std::move(ticket_); }
  // The caller went away, or its deadline passed.
  void SetGone() { gone_ = true; }
  bool gone() const { return gone_; }

 private:
  std::atomic<bool> gone_ = false;
  Admission::Ticket ticket_;  // of the handler alone
  mutable absl::Mutex mutex_;
  Place place_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_WIRE_H_
