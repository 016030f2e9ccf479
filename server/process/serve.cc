#include "server/process/serve.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <utility>

#include "absl/time/clock.h"
#include "server/base/kill_point.h"
#include "server/base/version.h"
#include "server/process/funnel_page.h"
#include "server/process/scrape.h"
#include "server/process/signals.h"
#include "server/process/ticker.h"
#include "server/process/tls_files.h"
#include "server/rpc/rpc_log.h"

namespace authflow {
namespace {

// Overdue or lost flows closed at a time: a long backlog leaves room for calls in between.
constexpr int kCloseAtOnce = 256;
// Rows that retention looks at in one commit, and how often it begins anew.
constexpr int kPruneAtOnce = 256;
constexpr absl::Duration kPruneEvery = absl::Minutes(10);
// For what is still winding up when the grace period is over.
constexpr absl::Duration kLastWait = absl::Seconds(1);

Task<bool> CloseOverdue(World* world) {
  absl::StatusOr<int> looked_at = co_await CloseOverdueFlows(*world, kCloseAtOnce);
  if (!looked_at.ok()) {
    Log(LogLevel::kWarning, "overdue flows could not be closed",
        {{"reason", NameOf(ClassOf(looked_at.status()))}, {"message", std::string(looked_at.status().message())}});
    co_return false;
  }
  co_return *looked_at == kCloseAtOnce;
}

Task<bool> CloseLost(World* world, int* rests) {
  const int looked_at = co_await LoseClients(*world, kCloseAtOnce);
  const int now = world->watches.departures().rests();
  if (std::exchange(*rests, now) != now) {
    Log(LogLevel::kWarning, "most watches broke at once: no client is taken for lost meanwhile");
  }
  co_return looked_at == kCloseAtOnce;
}

Task<bool> Prune(Storage* storage, const Clock* clock, absl::Duration retention) {
  const absl::StatusOr<Pruned> pruned = co_await storage->Prune(clock->Now() - retention, kPruneAtOnce);
  if (!pruned.ok()) {
    Log(LogLevel::kWarning, "finished flows could not be forgotten",
        {{"reason", NameOf(ClassOf(pruned.status()))}, {"message", std::string(pruned.status().message())}});
    co_return false;
  }
  co_return pruned->more;
}

// What is left of a budget of time.
class Budget {
 public:
  explicit Budget(absl::Duration whole) : end_(absl::Now() + whole) {}
  absl::Duration Left() const { return std::max(end_ - absl::Now(), absl::ZeroDuration()); }

 private:
  const absl::Time end_;
};

}  // namespace

absl::Status Serve(const Options& options, Parts parts) {
  LoggingRpcObserver observer(parts.metrics.rpc());
  absl::StatusOr<TlsFiles> tls = ReadTlsFiles(options.tls_certificate, options.tls_key);
  if (!tls.ok()) return tls.status();
  const RpcServerOptions rpc_options{
      .listen = options.listen, .tls_certificate = std::move(tls->certificate), .tls_key = std::move(tls->key)};
  absl::StatusOr<std::unique_ptr<RpcServer>> rpc = StartRpcServer(rpc_options, parts.world, parts.nursery, observer);
  if (!rpc.ok()) return rpc.status();

  Scrape scrape(parts.metrics, parts.world.flows, parts.storage.outbox(), parts.world.clock, parts.world.executor);
  std::set<std::string> products;
  for (const auto& [id, product] : parts.world.products) products.insert(id);
  FunnelPage funnel_page(parts.world.flows, std::move(products), parts.world.clock, parts.world.executor);
  std::function<HttpPage(const std::string&, const std::string&)> funnel;
  if (options.funnel_page) {
    funnel = [&funnel_page](const std::string& window, const std::string& product) {
      return funnel_page.Show(window, product);
    };
  }
  std::atomic<bool> healthy = true;
  parts.http_listener.Start(HttpPages{.metrics = [&scrape] { return scrape.Text(); },
                                      .healthy = [&healthy] { return healthy.load(); },
                                      .funnel = std::move(funnel),
                                      .dev_authorize = std::move(parts.dev_authorize)});
  parts.delivery.Start();
  Ticker closer(parts.world.executor, absl::Seconds(1), [world = &parts.world] { return CloseOverdue(world); });
  int rests = 0;  // of the ticker
  Ticker loser(parts.world.executor, absl::Seconds(1),
               [world = &parts.world, &rests] { return CloseLost(world, &rests); });
  Ticker pruner(parts.world.executor, kPruneEvery,
                [storage = &parts.storage, clock = &parts.world.clock, retention = parts.retention] {
                  return Prune(storage, clock, retention);
                });
  (*rpc)->SetServing(true);
  std::cout << "authflowd ready grpc=" << (*rpc)->address() << " http=" << parts.http_listener.address() << std::endl;
  Log(LogLevel::kInfo, "serving",
      {{"version", kVersion}, {"grpc", (*rpc)->address()}, {"http", parts.http_listener.address()}});

  WaitForStop();
  Log(LogLevel::kInfo, "draining", {{"grace_ms", absl::ToInt64Milliseconds(options.grace)}});
  const Budget budget(options.grace);
  healthy = false;
  funnel_page.Stop();
  (*rpc)->SetServing(false);
  parts.world.watches.Drain();
  parts.timers.Drain();
  (*rpc)->Drain();
  KillPoint(KillPointName::kWhileDraining);
  // An exchange that is under way gets most of the time to end well; what hangs beyond that is cut off.
  (*rpc)->Shutdown(budget.Left() * 0.6);
  KillPoint(KillPointName::kWhileDraining);
  const bool finished = parts.nursery.WaitUntilEmpty(budget.Left() * 0.5);
  closer.Stop();
  loser.Stop();
  pruner.Stop();
  const bool settled = parts.delivery.Stop(budget.Left() * 0.5);
  KillPoint(KillPointName::kWhileDraining);
  parts.http.Stop();
  parts.http_listener.Stop();
  if (!parts.nursery.WaitUntilEmpty(std::max(budget.Left(), kLastWait))) {
    // Nothing that was acknowledged is lost by leaving now; waiting for ever would make a supervisor use SIGKILL.
    Log(LogLevel::kError, "a call did not end: leaving without it");
    StopLog();
    std::_Exit(1);
  }
  Log(LogLevel::kInfo, "stopped", {{"calls_cut_off", !finished}, {"deliveries_given_up", !settled}});
  return absl::OkStatus();
}

}  // namespace authflow
