#include "server/storage/reads.h"

#include <map>
#include <utility>

#include "server/storage/entry_codec.h"
#include "server/storage/funnel_codec.h"
#include "server/storage/totals.h"

namespace authflow {
namespace {

constexpr char kSelectLog[] = "SELECT n, time, kind, payload FROM log WHERE flow_id = ? ORDER BY n";
// By the rowid: the newest rows are read, however many there are.
constexpr char kSelectLogBefore[] =
    "SELECT id, flow_id, n, time, kind, payload FROM log WHERE id < ? ORDER BY id DESC LIMIT ?";
constexpr char kSelectDue[] = "SELECT flow_id FROM open_flows WHERE due_at <= ? ORDER BY due_at, flow_id LIMIT ?";
// One statement: one snapshot.
constexpr char kSelectFlowTotals[] =
    "SELECT product, kind, name, value FROM totals WHERE kind <> 0 "
    "UNION ALL SELECT product, kind, 'active', count(*) FROM open_flows GROUP BY product, kind";
constexpr char kSelectInvocation[] =
    "SELECT base, opted_out, invoked, completed, logged_out FROM invocations WHERE product = ? AND invocation_id = ?";
// With when the oldest pending event was committed: one step into the index for each lane, however many events wait.
constexpr char kSelectOutbox[] =
    "SELECT product, name, value, CASE WHEN name = 'pending' AND value > 0 THEN ("
    "WITH RECURSIVE lane (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM lane WHERE n < ?) "
    "SELECT committed_at FROM outbox WHERE id = (SELECT min((SELECT id FROM outbox AS first "
    "WHERE first.product = totals.product AND first.lane = lane.n AND first.dead_reason IS NULL "
    "ORDER BY first.id LIMIT 1)) FROM lane)) END "
    "FROM totals WHERE kind = 0";

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

absl::StatusOr<std::vector<LogRow>> ReadLogBefore(Database& database, int64_t position, int limit) {
  std::vector<LogRow> rows;
  Query query(database, kSelectLogBefore);
  query.Int(position).Int(limit);
  while (query.Next()) {
    const FlowId flow_id = query.GetId(1);
    auto entry = Decode(flow_id, {.number = query.GetInt(2),
                                  .time = query.GetInt(3),
                                  .kind = static_cast<EntryKind>(query.GetInt(4)),
                                  .payload = query.GetBytes(5)});
    if (!entry.ok()) return entry.status();
    rows.push_back({.position = query.GetInt(0), .flow_id = flow_id, .entry = *std::move(entry)});
  }
  if (!query.status().ok()) return query.status();
  return rows;
}

absl::StatusOr<std::vector<FlowId>> ReadDue(Database& database, absl::Time now, int limit) {
  std::vector<FlowId> due;
  Query query(database, kSelectDue);
  query.Int(absl::ToUnixMicros(now)).Int(limit);
  while (query.Next()) due.push_back(query.GetId(0));
  if (!query.status().ok()) return query.status();
  return due;
}

absl::StatusOr<std::vector<FlowTotals>> ReadFlowTotals(Database& database) {
  std::map<std::pair<std::string, int64_t>, FlowTotals> rows;
  Query query(database, kSelectFlowTotals);
  while (query.Next()) {
    FlowTotals& row = rows[{query.GetBytes(0), query.GetInt(1)}];
    const std::string name = query.GetBytes(2);
    int64_t& value = name == kTotalStarted     ? row.started
                     : name == kTotalCompleted ? row.completed
                     : name == kTotalAborted   ? row.aborted
                     : name == kTotalFailed    ? row.failed
                                               : row.active;
    value = query.GetInt(3);
  }
  if (!query.status().ok()) return query.status();
  std::vector<FlowTotals> totals;
  for (auto& [key, row] : rows) {
    row.product = key.first;
    row.kind = static_cast<v1::FlowKind>(key.second);
    totals.push_back(std::move(row));
  }
  return totals;
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
  std::map<std::string, OutboxStats> products;
  Query query(database, kSelectOutbox);
  query.Int(kLanes - 1);
  while (query.Next()) {
    OutboxStats& stats = products[query.GetBytes(0)];
    if (query.GetBytes(1) == kTotalDead) {
      stats.dead = query.GetInt(2);
      continue;
    }
    stats.pending = query.GetInt(2);
    if (!query.IsNull(3)) stats.oldest_pending = absl::FromUnixMicros(query.GetInt(3));
  }
  if (!query.status().ok()) return query.status();
  std::vector<OutboxStats> all;
  for (auto& [product, stats] : products) {
    stats.product = product;
    all.push_back(std::move(stats));
  }
  return all;
}

}  // namespace authflow
