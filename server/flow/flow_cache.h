// The live flows that this replica has seen last: an optimisation, never the truth.
#ifndef AUTHFLOW_SERVER_FLOW_FLOW_CACHE_H_
#define AUTHFLOW_SERVER_FLOW_FLOW_CACHE_H_

#include <array>
#include <list>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "server/flow/flow.h"

namespace authflow {

// A flow is a value that never changes: all who look at it share it.
using SharedFlow = std::shared_ptr<const Flow>;

// Bounded: the oldest goes first, but one that was used is spared once; of ended flows, which nobody calls for long,
// only some are kept. Thread-safe. From a cached flow come only proposals (the store's compare-and-set checks them) and
// the outcome of an ended flow (it never changes); any other answer reads the store.
class FlowCache {
 public:
  explicit FlowCache(size_t capacity) : capacity_per_shard_(capacity / kShards + 1) {}
  // Null: not here.
  SharedFlow Get(const FlowId& id);
  // Keeps the longer log of the two.
  void Put(SharedFlow flow);

 private:
  static constexpr size_t kShards = 16;
  struct Kept {
    SharedFlow flow;
    bool used = false;  // since it came, or came round
  };
  struct Shard {
    absl::Mutex mutex;
    std::list<Kept> recent ABSL_GUARDED_BY(mutex);  // that go on; the newest first
    std::list<Kept> ended ABSL_GUARDED_BY(mutex);   // as well
    absl::flat_hash_map<FlowId, std::list<Kept>::iterator> index ABSL_GUARDED_BY(mutex);
  };
  static constexpr size_t kEndedPerShard = 64;
  static constexpr int kSpared = 16;  // by one that comes, at most: a lock is held meanwhile
  static std::list<Kept>& ListOf(Shard& shard, const Flow& flow) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex) {
    return flow.outcome ? shard.ended : shard.recent;
  }
  Shard& ShardOf(const FlowId& id) { return shards_[id.bytes[15] % kShards]; }

  const size_t capacity_per_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FLOW_FLOW_CACHE_H_
