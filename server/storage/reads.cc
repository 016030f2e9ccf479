#include "server/storage/reads.h"

#include <map>
#include <utility>

#include "server/storage/entry_codec.h"
#include "server/storage/funnel_codec.h"

namespace authflow {
namespace {

constexpr char kSelectLog[] = "SELECT n, time, kind, payload FROM log WHERE flow_id = ? ORDER BY n";
constexpr char kSelectDue[] = "SELECT flow_id FROM open_flows WHERE due_at <= ? ORDER BY due_at, flow_id LIMIT ?";
constexpr char kSelectActive[] = "SELECT product, kind, count(*) FROM open_flows GROUP BY product, kind";
constexpr char kSelectInvocation[] =
    "SELECT base, opted_out, invoked, completed, logged_out FROM invocations WHERE product = ? AND invocation_id = ?";
constexpr char kSelectPending[] =
    "SELECT product, count(*), min(id) FROM outbox WHERE dead_reason IS NULL GROUP BY product, lane";
constexpr char kSelectDead[] = "SELECT product, count(*) FROM outbox WHERE dead_reason IS NOT NULL GROUP BY product";
constexpr char kSelectCommitted[] = "SELECT committed_at FROM outbox WHERE id = ?";

}  // namespace

absl::StatusOr<std::vector<Entry>> ReadLog(Database& database, const FlowId& flow_id) {
  std::vector<Entry> log;
  Query query(database, kSelectLog);
  query.Id(flow_id);
  while (query.Next()) {
    auto entry = Decode(flow_id, {.number = query.GetInt(0),
                                  .time = query.GetInt(1),
                                  .kind = static_cast<EntryKind>(query.GetInt(2)),
                                  .payload = query.GetBytes(3)});
    if (!entry.ok()) return entry.status();
    log.push_back(*std::move(entry));
  }
  if (!query.status().ok()) return query.status();
  return log;
}

absl::StatusOr<std::vector<FlowId>> ReadDue(Database& database, absl::Time now, int limit) {
  std::vector<FlowId> due;
  Query query(database, kSelectDue);
  query.Int(absl::ToUnixMicros(now)).Int(limit);
  while (query.Next()) due.push_back(query.GetId(0));
  if (!query.status().ok()) return query.status();
  return due;
}

absl::StatusOr<std::vector<ActiveFlows>> ReadActive(Database& database) {
  std::vector<ActiveFlows> active;
  Query query(database, kSelectActive);
  while (query.Next()) {
    active.push_back(
        {.product = query.GetBytes(0), .kind = static_cast<v1::FlowKind>(query.GetInt(1)), .count = query.GetInt(2)});
  }
  if (!query.status().ok()) return query.status();
  return active;
}

absl::StatusOr<std::optional<InvocationRow>> ReadInvocation(Database& database, const std::string& product,
                                                            const InvocationId& id) {
  std::optional<InvocationRow> row;
  Query query(database, kSelectInvocation);
  if (query.Text(product).Id(id).Next()) {
    row = InvocationRow{.base = DecodeInvocation(id, query.GetInt(1) != 0, query.GetBytes(0)),
                        .invoked = query.GetInt(2) != 0,
                        .completed = query.GetInt(3) != 0,
                        .logged_out = query.GetInt(4) != 0};
  }
  if (!query.status().ok()) return query.status();
  return row;
}

absl::StatusOr<std::vector<OutboxStats>> ReadOutboxStats(Database& database) {
  struct Counts {
    int64_t pending = 0;
    int64_t dead = 0;
    int64_t first = 0;  // id of the oldest pending
  };
  std::map<std::string, Counts> products;
  {
    Query pending(database, kSelectPending);
    while (pending.Next()) {
      Counts& counts = products[pending.GetBytes(0)];
      counts.pending += pending.GetInt(1);
      const int64_t id = pending.GetInt(2);
      if (counts.first == 0 || id < counts.first) counts.first = id;
    }
    if (!pending.status().ok()) return pending.status();
  }
  {
    Query dead(database, kSelectDead);
    while (dead.Next()) products[dead.GetBytes(0)].dead = dead.GetInt(1);
    if (!dead.status().ok()) return dead.status();
  }
  std::vector<OutboxStats> stats;
  for (auto& [product, counts] : products) {
    OutboxStats one{.product = product, .pending = counts.pending, .dead = counts.dead};
    if (counts.first != 0) {
      Query committed(database, kSelectCommitted);
      if (committed.Int(counts.first).Next()) one.oldest_pending = absl::FromUnixMicros(committed.GetInt(0));
      if (!committed.status().ok()) return committed.status();
    }
    stats.push_back(std::move(one));
  }
  return stats;
}

}  // namespace authflow
