#include "server/flow/flow_cache.h"

namespace authflow {

SharedFlow FlowCache::Get(const FlowId& id) {
  Shard& shard = ShardOf(id);
  absl::MutexLock lock(&shard.mutex);
  const auto it = shard.index.find(id);
  if (it == shard.index.end()) return nullptr;
  std::list<SharedFlow>& list = ListOf(shard, **it->second);
  list.splice(list.begin(), list, it->second);
  return *it->second;
}

void FlowCache::Put(SharedFlow flow) {
  Shard& shard = ShardOf(flow->header.id);
  SharedFlow gone;  // let go of outside of the lock
  absl::MutexLock lock(&shard.mutex);
  std::list<SharedFlow>& list = ListOf(shard, *flow);
  const size_t most = flow->outcome ? kEndedPerShard : capacity_per_shard_;
  const auto it = shard.index.find(flow->header.id);
  if (it != shard.index.end()) {
    if (flow->length < (*it->second)->length) return;
    std::list<SharedFlow>& from = ListOf(shard, **it->second);
    gone = std::exchange(*it->second, std::move(flow));
    list.splice(list.begin(), from, it->second);
  } else {
    list.push_front(std::move(flow));
    shard.index.emplace(list.front()->header.id, list.begin());
  }
  if (list.size() > most) {
    shard.index.erase(list.back()->header.id);
    gone = std::move(list.back());
    list.pop_back();
  }
}

}  // namespace authflow
