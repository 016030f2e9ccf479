#include <utility>

#include "server/flow/record.h"
#include "server/flow/use_cases.h"

namespace authflow {

Task<absl::StatusOr<SharedFlow>> FinishFlow(World& world, FlowToken token, Outcome outcome) {
  Proposal finish = Finish{outcome};
  absl::StatusOr<Recorded> recorded = co_await Record(world, token.flow_id(), std::move(finish));
  if (!recorded.ok()) co_return recorded.status();
  co_return std::move(recorded->flow);
}

}  // namespace authflow
