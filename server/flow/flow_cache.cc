#include "server/flow/flow_cache.h"

namespace authflow {

std::optional<Flow> FlowCache::Get(const FlowId& id) {
  Shard& shard = ShardOf(id);
  absl::MutexLock lock(&shard.mutex);
  const auto it = shard.index.find(id);
  if (it == shard.index.end()) return std::nullopt;
  shard.recent.splice(shard.recent.begin(), shard.recent, it->second);
  return *it->second;
}

void FlowCache::Put(const Flow& flow) {
  Shard& shard = ShardOf(flow.header.id);
  absl::MutexLock lock(&shard.mutex);
  const auto it = shard.index.find(flow.header.id);
  if (it != shard.index.end()) {
    if (flow.length >= it->second->length) *it->second = flow;
    shard.recent.splice(shard.recent.begin(), shard.recent, it->second);
    return;
  }
  shard.recent.push_front(flow);
  shard.index.emplace(flow.header.id, shard.recent.begin());
  if (shard.recent.size() > capacity_per_shard_) {
    shard.index.erase(shard.recent.back().header.id);
    shard.recent.pop_back();
  }
}

}  // namespace authflow
