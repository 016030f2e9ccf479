// Lets open streams say that they live.
#ifndef AUTHFLOW_SERVER_RPC_HEARTBEATS_H_
#define AUTHFLOW_SERVER_RPC_HEARTBEATS_H_

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/task.h"

namespace authflow {

class StreamCall;

// Streams beat in ten groups, so that threads wake for many of them; in a group those of a connection one after the
// other, as some of what they say then goes out as one. Thread-safe; owned by a shared_ptr.
class Heartbeats : public std::enable_shared_from_this<Heartbeats> {
 public:
  Heartbeats(Executor executor, absl::Duration period);

  // Beats once a period, for the first time within one. `connection`: the same number for all streams of one.
  void Add(size_t connection, const std::shared_ptr<StreamCall>& call);
  // Whether it was added or not. Once the last is removed nothing is waited for.
  void Remove(size_t connection, const StreamCall* call);

 private:
  static constexpr size_t kGroups = 10;
  static constexpr size_t kTogether = 32;  // in one turn of a thread
  using Place = std::pair<size_t, const StreamCall*>;
  using Group = absl::btree_map<Place, std::weak_ptr<StreamCall>>;

  void Arm() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Tick();

  const Executor executor_;
  const std::chrono::nanoseconds tick_;
  absl::Mutex mutex_;
  std::array<Group, kGroups> groups_ ABSL_GUARDED_BY(mutex_);
  size_t streams_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;  // the group of the next tick
  boost::asio::steady_timer timer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_HEARTBEATS_H_
