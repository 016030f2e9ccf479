#include "server/storage/prune_write.h"

#include <variant>
#include <vector>

#include "server/storage/entry_codec.h"

namespace authflow {
namespace {

constexpr char kSelectLog[] = "SELECT id, flow_id, time, kind FROM log WHERE id > ? ORDER BY id LIMIT ?";
constexpr char kSelectStart[] = "SELECT time, payload FROM log WHERE flow_id = ? AND n = 1 AND kind = 1";
constexpr char kSelectWaiting[] =
    "SELECT 1 FROM outbox WHERE invocation = "
    "(SELECT id FROM invocations WHERE product = ? AND invocation_id = ?) LIMIT 1";
constexpr char kDeleteFlow[] = "DELETE FROM log WHERE flow_id = ?";

constexpr char kSelectInvocations[] =
    "SELECT id, created_at, changed_at, EXISTS (SELECT 1 FROM outbox WHERE invocation = invocations.id) "
    "FROM invocations WHERE id > ? ORDER BY id LIMIT ?";
constexpr char kDeleteInvocation[] = "DELETE FROM invocations WHERE id = ?";

// An event of the flow's invocation is undelivered or dead.
absl::StatusOr<bool> Waits(Database& database, const FlowId& flow_id) {
  EncodedEntry start{.number = 1, .kind = EntryKind::kStarted};
  {
    Query query(database, kSelectStart);
    if (!query.Id(flow_id).Next()) {
      if (!query.status().ok()) return query.status();
      return false;
    }
    start.time = query.GetInt(0);
    start.payload = query.GetBytes(1);
  }
  const auto entry = Decode(flow_id, start);
  // Not ours to forget what we cannot read.
  if (!entry.ok()) return true;
  const Header& header = std::get<Started>(entry->what).header;
  Query waiting(database, kSelectWaiting);
  const bool waits = waiting.Text(header.product).Id(header.invocation).Next();
  if (!waiting.status().ok()) return waiting.status();
  return waits;
}

}  // namespace

absl::Status PruneWrite::Apply(Database& database, int64_t) {
  next_ = *cursor_;
  pruned_ = {};
  const auto flows = PruneFlows(database);
  if (!flows.ok()) return flows.status();
  const auto invocations = PruneInvocations(database);
  if (!invocations.ok()) return invocations.status();
  pruned_.more = *flows || *invocations;
  if (!*flows) next_.log = 0;
  if (!*invocations) next_.invocation = 0;
  return absl::OkStatus();
}

absl::StatusOr<bool> PruneWrite::PruneFlows(Database& database) {
  std::vector<FlowId> ended;
  int seen = 0;
  {
    Query query(database, kSelectLog);
    query.Int(next_.log).Int(limit_);
    for (; query.Next(); ++seen) {
      if (query.GetInt(2) >= before_) break;
      next_.log = query.GetInt(0);
      if (static_cast<EntryKind>(query.GetInt(3)) == EntryKind::kEnded) ended.push_back(query.GetId(1));
    }
    if (!query.status().ok()) return query.status();
  }
  for (const FlowId& flow_id : ended) {
    const auto waits = Waits(database, flow_id);
    if (!waits.ok()) return waits.status();
    if (*waits) continue;
    const absl::Status deleted = Query(database, kDeleteFlow).Id(flow_id).Run();
    if (!deleted.ok()) return deleted;
    ++pruned_.flows;
  }
  return seen == limit_;
}

absl::StatusOr<bool> PruneWrite::PruneInvocations(Database& database) {
  std::vector<int64_t> old;
  int seen = 0;
  {
    Query query(database, kSelectInvocations);
    query.Int(next_.invocation).Int(limit_);
    for (; query.Next(); ++seen) {
      if (query.GetInt(1) >= before_) break;
      next_.invocation = query.GetInt(0);
      if (query.GetInt(2) < before_ && query.GetInt(3) == 0) old.push_back(query.GetInt(0));
    }
    if (!query.status().ok()) return query.status();
  }
  for (const int64_t id : old) {
    const absl::Status deleted = Query(database, kDeleteInvocation).Int(id).Run();
    if (!deleted.ok()) return deleted;
    ++pruned_.invocations;
  }
  return seen == limit_;
}

void PruneWrite::Finish(const absl::Status& status) {
  if (!status.ok()) {
    done_(status);
    return;
  }
  *cursor_ = next_;
  done_(pruned_);
}

}  // namespace authflow
