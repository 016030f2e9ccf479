// Flows put together again from the rows of all flows, the newest first.
#ifndef AUTHFLOW_SERVER_FUNNEL_WHOLE_FLOWS_H_
#define AUTHFLOW_SERVER_FUNNEL_WHOLE_FLOWS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "server/flow/flow_store.h"

namespace authflow {

// How far, between flows, the order of rows may differ from that of their times: an entry is timed before its commit.
inline constexpr absl::Duration kRowDisorder = absl::Minutes(1);

// Keeps only flows whose start has not come yet: those that are open or began before what is read.
class WholeFlows {
 public:
  // The log of the row's flow, oldest entry first, once its first entry has come; nullopt before. A flow that is being
  // forgotten, or is damaged, never becomes whole.
  std::optional<std::vector<Entry>> Add(LogRow row);

  int64_t rows() const { return rows_; }
  // Of the last row; the future before the first.
  absl::Time oldest() const { return oldest_; }

 private:
  absl::flat_hash_map<FlowId, std::vector<Entry>> begun_;  // newest entry first
  int64_t rows_ = 0;
  absl::Time oldest_ = absl::InfiniteFuture();
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FUNNEL_WHOLE_FLOWS_H_
