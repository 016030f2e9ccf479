#include "server/flow/flow_cache.h"

namespace authflow {

std::optional<Flow> FlowCache::Get(const FlowId& id) {
  Shard& shard = ShardOf(id);
  absl::MutexLock lock(&shard.mutex);
  const auto it = shard.index.find(id);
  if (it == shard.index.end()) return std::nullopt;
  std::list<Flow>& list = ListOf(shard, *it->second);
  list.splice(list.begin(), list, it->second);
  return *it->second;
}

void FlowCache::Put(const Flow& flow) {
  Shard& shard = ShardOf(flow.header.id);
  absl::MutexLock lock(&shard.mutex);
  const auto it = shard.index.find(flow.header.id);
  if (it != shard.index.end()) {
    if (flow.length < it->second->length) return;
    std::list<Flow>& from = ListOf(shard, *it->second);
    *it->second = flow;
    std::list<Flow>& to = ListOf(shard, flow);
    to.splice(to.begin(), from, it->second);
  } else {
    std::list<Flow>& to = ListOf(shard, flow);
    to.push_front(flow);
    shard.index.emplace(flow.header.id, to.begin());
  }
  std::list<Flow>& list = ListOf(shard, flow);
  const size_t most = flow.outcome ? kEndedPerShard : capacity_per_shard_;
  if (list.size() > most) {
    shard.index.erase(list.back().header.id);
    list.pop_back();
  }
}

}  // namespace authflow
