// The end of flows whose client went away and did not come back in its grace period.

#include <optional>
#include <utility>

#include "server/flow/record.h"
#include "server/flow/use_cases.h"

namespace authflow {
namespace {

// The departure to wait for next, if its client is still away.
Task<std::optional<Departure>> LoseOne(World& world, Departure departure) {
  Proposal lose = LoseClient{.attachment = departure.attachment, .length = departure.length};
  const absl::StatusOr<Recorded> recorded = co_await Record(world, departure.flow_id, std::move(lose));
  if (recorded.ok()) co_return std::nullopt;
  const ErrorClass error_class = ClassOf(recorded.status());
  if (error_class == v1::ERROR_CLASS_FLOW_NOT_FOUND) co_return std::nullopt;
  // The store cannot be had: it is asked again.
  if (error_class != v1::ERROR_CLASS_UNSPECIFIED) co_return departure;
  const absl::StatusOr<SharedFlow> loaded = co_await LoadFlow(world, departure.flow_id);
  if (!loaded.ok()) co_return departure;
  const SharedFlow& flow = *loaded;
  // A newer attachment has its own break to come.
  if (flow->outcome || flow->attachment != departure.attachment) co_return std::nullopt;
  // Somebody moved the flow on, or an exchange runs: a sign of life, good for another grace period.
  departure.length = flow->length;
  co_return departure;
}

}  // namespace

Task<int> LoseClients(World& world, int limit) {
  Departures& departures = world.watches.departures();
  const std::vector<Departure> due = departures.TakeDue(world.clock.Now(), static_cast<size_t>(limit));
  for (const Departure& departure : due) {
    const std::optional<Departure> again = co_await LoseOne(world, departure);
    if (again) departures.Again(*again, world.clock.Now());
  }
  co_return static_cast<int>(due.size());
}

}  // namespace authflow
