// What all calls of one server share.
#ifndef AUTHFLOW_SERVER_RPC_WIRE_H_
#define AUTHFLOW_SERVER_RPC_WIRE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/task.h"
#include "server/flow/detached.h"
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
  Executor executor;      // each call runs on a strand of it
  Nursery& nursery;       // counts each reactor and each coroutine
  RpcObserver& observer;  // hears of each call
  absl::Duration heartbeat = absl::Seconds(10);
  OpenStreams streams;
};

// What a handler learns about its call, for the log. Used on the call's strand alone.
struct Note {
  std::string flow_id;
  std::string step;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_WIRE_H_
