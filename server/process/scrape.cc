#include "server/process/scrape.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <utility>

namespace authflow {
namespace {

constexpr absl::Duration kCountEvery = absl::Seconds(1);

}  // namespace

std::string Scrape::Text() {
  {
    absl::MutexLock lock(&mutex_);
    const absl::Time now = clock_.Now();
    if (now - counted_ >= kCountEvery) {
      boost::asio::co_spawn(executor_, Count(this), boost::asio::use_future).get();
      counted_ = now;
    }
  }
  return metrics_.Text();
}

Task<void> Scrape::Count(Scrape* self) {
  absl::StatusOr<std::vector<FlowTotals>> totals = co_await self->flows_.CountFlows();
  if (totals.ok()) self->metrics_.SetFlowTotals(*totals);
  absl::StatusOr<std::vector<OutboxStats>> outbox = co_await self->outbox_.Stats();
  if (outbox.ok()) self->metrics_.SetOutbox(*outbox, self->clock_.Now());
}

}  // namespace authflow
