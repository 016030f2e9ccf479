#include "server/funnel/whole_flows.h"

#include <algorithm>
#include <utility>

namespace authflow {

std::optional<std::vector<Entry>> WholeFlows::Add(LogRow row) {
  ++rows_;
  oldest_ = row.entry.time;
  if (row.entry.number > 1) {
    begun_[row.flow_id].push_back(std::move(row.entry));
    return std::nullopt;
  }
  std::vector<Entry> log;
  if (const auto it = begun_.find(row.flow_id); it != begun_.end()) {
    log = std::move(it->second);
    begun_.erase(it);
  }
  log.push_back(std::move(row.entry));
  std::ranges::reverse(log);
  if (!Flow::FromLog(log).ok()) return std::nullopt;
  return log;
}

}  // namespace authflow
