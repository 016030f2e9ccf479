#include "server/flow/flow_cache.h"

#include <iterator>

namespace authflow {

SharedFlow FlowCache::Get(const FlowId& id) {
  Shard& shard = ShardOf(id);
  absl::MutexLock lock(&shard.mutex);
  const auto it = shard.index.find(id);
  if (it == shard.index.end()) return nullptr;
  it->second->used = true;
  return it->second->flow;
}

void FlowCache::Put(SharedFlow flow) {
  Shard& shard = ShardOf(flow->header.id);
  SharedFlow gone;  // let go of outside of the lock
  absl::MutexLock lock(&shard.mutex);
  std::list<Kept>& list = ListOf(shard, *flow);
  const size_t most = flow->outcome ? kEndedPerShard : capacity_per_shard_;
  const auto it = shard.index.find(flow->header.id);
  if (it != shard.index.end()) {
    Kept& kept = *it->second;
    if (flow->length < kept.flow->length) return;
    std::list<Kept>& from = ListOf(shard, *kept.flow);
    kept.used = true;
    gone = std::exchange(kept.flow, std::move(flow));
    if (&from != &list) list.splice(list.begin(), from, it->second);
  } else {
    list.push_front({.flow = std::move(flow)});
    shard.index.emplace(list.front().flow->header.id, list.begin());
  }
  if (list.size() <= most) return;
  for (int i = 0; i < kSpared && std::exchange(list.back().used, false); ++i) {
    list.splice(list.begin(), list, std::prev(list.end()));
  }
  shard.index.erase(list.back().flow->header.id);
  gone = std::move(list.back().flow);
  list.pop_back();
}

}  // namespace authflow
