// StartCommand and FinishCommand: one run of a tool.

#include <utility>

#include "server/flow/record.h"
#include "server/flow/use_cases.h"

namespace authflow {

Task<absl::Status> StartCommand(World& world, std::string product, v1::Invocation invocation) {
  absl::StatusOr<const Product*> found = FindProduct(world, product);
  if (!found.ok()) co_return found.status();
  const InvocationId id = *Uuid::Parse(invocation.invocation_id());
  Event invoked = CommandInvokedEvent(product, invocation.anonymous_id(), id, world.clock.Now());
  absl::StatusOr<bool> passed = co_await world.invocations.Pass(std::move(product), std::move(invocation),
                                                                Milestone::kInvoked, std::move(invoked));
  co_return passed.status();
}

Task<absl::Status> FinishCommand(World& world, std::string product, InvocationId invocation_id,
                                 v1::CommandCompleted completed) {
  absl::StatusOr<const Product*> found = FindProduct(world, product);
  if (!found.ok()) co_return found.status();
  absl::StatusOr<std::optional<InvocationRow>> row = co_await world.invocations.LoadInvocation(product, invocation_id);
  if (!row.ok()) co_return row.status();
  if (!*row || !(*row)->invoked) {
    co_return Refusal(v1::ERROR_CLASS_NOT_INVOKED, "No StartCommand of this invocation was recorded.");
  }
  if ((*row)->completed) co_return absl::OkStatus();
  v1::Invocation base = (*row)->base;
  Event event =
      CommandCompletedEvent(product, base.anonymous_id(), invocation_id, std::move(completed), world.clock.Now());
  absl::StatusOr<bool> passed =
      co_await world.invocations.Pass(std::move(product), std::move(base), Milestone::kCompleted, std::move(event));
  co_return passed.status();
}

}  // namespace authflow
