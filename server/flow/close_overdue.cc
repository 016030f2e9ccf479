#include <utility>

#include "server/flow/record.h"
#include "server/flow/use_cases.h"

namespace authflow {
namespace {

Task<absl::Status> CloseOne(World& world, FlowId id) {
  Proposal expire = Expire{};
  absl::StatusOr<Recorded> recorded = co_await Record(world, id, std::move(expire));
  if (recorded.ok()) co_return absl::OkStatus();
  // A refusal with a class is the store's, or a flow without a log: the next tick looks again.
  if (ClassOf(recorded.status()) != v1::ERROR_CLASS_UNSPECIFIED) co_return recorded.status();
  // Not overdue after all: the row is due when the flow started, and its user went on since.
  absl::StatusOr<SharedFlow> flow = co_await LoadFlow(world, id);
  if (!flow.ok()) co_return flow.status();
  absl::Status postponed = co_await world.flows.Postpone(id, (*flow)->DueAt());
  co_return postponed;
}

}  // namespace

Task<absl::StatusOr<int>> CloseOverdueFlows(World& world, int limit) {
  absl::StatusOr<std::vector<FlowId>> due = co_await world.flows.Due(world.clock.Now(), limit);
  if (!due.ok()) co_return due.status();
  absl::Status first_error;
  for (const FlowId& id : *due) {
    absl::Status closed = co_await CloseOne(world, id);
    if (!closed.ok() && first_error.ok()) first_error = std::move(closed);
  }
  if (!first_error.ok()) co_return first_error;
  co_return static_cast<int>(due->size());
}

}  // namespace authflow
