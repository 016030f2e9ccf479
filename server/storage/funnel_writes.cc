#include "server/storage/funnel_writes.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "server/base/random.h"
#include "server/storage/totals.h"

namespace authflow {
namespace {

// An entry n is added only after n - 1 and only once; a second end of a flow is refused by its own index. Rows changed:
// 1 or 0. One row of VALUES: an INSERT from a SELECT may add many, for which SQLite keeps a copy of each page that it
// changes.
constexpr char kSelectEntry[] = "SELECT 1 FROM log WHERE flow_id = ? AND n = ?";
constexpr char kInsertEntry[] =
    "INSERT INTO log (flow_id, n, time, kind, payload, writer) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
constexpr char kSelectWriter[] = "SELECT writer FROM log WHERE flow_id = ? AND n = ?";
constexpr char kInsertOpenFlow[] = "INSERT INTO open_flows (flow_id, due_at, product, kind) VALUES (?, ?, ?, ?)";
constexpr char kDeleteOpenFlow[] = "DELETE FROM open_flows WHERE flow_id = ?";
constexpr char kPostpone[] = "UPDATE open_flows SET due_at = ? WHERE flow_id = ?";

constexpr char kSelectInvocation[] =
    "SELECT id, user_id, last_sequence, invoked, completed, logged_out, opted_out "
    "FROM invocations WHERE product = ? AND invocation_id = ?";
constexpr char kInsertInvocation[] =
    "INSERT INTO invocations (product, invocation_id, base, opted_out, created_at, changed_at, "
    "user_id, last_sequence, invoked, completed, logged_out) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9, ?10)";
constexpr char kUpdateInvocation[] =
    "UPDATE invocations SET changed_at = ?, user_id = ?, last_sequence = ?, invoked = ?, completed = ?, logged_out = ? "
    "WHERE id = ?";

constexpr char kInsertEvent[] =
    "INSERT INTO outbox (product, lane, invocation, sequence, message_id, flow_id, user_id, time, committed_at, "
    "payload) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

// An invocation's row as it is, or as it will be.
struct Row {
  int64_t id = 0;  // 0: not there yet
  std::string user_id;
  int64_t last_sequence = 0;
  bool invoked = false;
  bool completed = false;
  bool logged_out = false;
  bool opted_out = false;
};

absl::StatusOr<Row> FindInvocation(Database& database, const std::string& product, const InvocationId& id) {
  Query query(database, kSelectInvocation);
  query.Text(product).Id(id);
  Row row;
  if (query.Next()) {
    row = {.id = query.GetInt(0),
           .user_id = query.GetBytes(1),
           .last_sequence = query.GetInt(2),
           .invoked = query.GetInt(3) != 0,
           .completed = query.GetInt(4) != 0,
           .logged_out = query.GetInt(5) != 0,
           .opted_out = query.GetInt(6) != 0};
  }
  if (!query.status().ok()) return query.status();
  return row;
}

// What a change of an invocation is about.
struct Subject {
  const std::string& product;
  const InvocationId& id;
  const FlowId* flow_id;  // null: no flow
  int64_t now;
};

// Numbers and writes the events of the invocation. Its row, changed or new (from `base`), is written with them.
absl::Status WriteEvents(Database& database, const Subject& subject, Row row, const std::string& base,
                         const std::vector<EncodedEvent>& events) {
  int64_t sequence = row.last_sequence;
  if (!row.opted_out) row.last_sequence += std::ranges::count_if(events, &EncodedEvent::numbered);
  absl::Status status;
  if (row.id == 0) {
    Query insert(database, kInsertInvocation);
    insert.Text(subject.product).Id(subject.id).Blob(base).Int(row.opted_out).Int(subject.now);
    insert.Text(row.user_id).Int(row.last_sequence).Int(row.invoked).Int(row.completed).Int(row.logged_out);
    status = insert.Run();
    row.id = database.last_row();
  } else {
    Query update(database, kUpdateInvocation);
    update.Int(subject.now)
        .Text(row.user_id)
        .Int(row.last_sequence)
        .Int(row.invoked)
        .Int(row.completed)
        .Int(row.logged_out);
    status = update.Int(row.id).Run();
  }
  if (!status.ok() || row.opted_out) return status;
  for (const EncodedEvent& event : events) {
    Query insert(database, kInsertEvent);
    insert.Text(subject.product).Int(LaneOf(subject.id)).Int(row.id).Int(event.numbered ? ++sequence : 0);
    insert.Id(event.message_id);
    if (subject.flow_id != nullptr) {
      insert.Id(*subject.flow_id);
    } else {
      insert.Null();
    }
    status = insert.Text(row.user_id).Int(event.time).Int(subject.now).Blob(event.payload).Run();
    if (!status.ok()) return status;
  }
  return AddToTotal(database, subject.product, v1::FLOW_KIND_UNSPECIFIED, kTotalPending,
                    static_cast<int64_t>(events.size()));
}

// Ours alone: a random number of this process, counted up.
int64_t NextTag() {
  static const uint64_t process = RandomUint64();
  static std::atomic<uint64_t> count = 0;
  return static_cast<int64_t>(process + ++count);
}

// The total that an end adds to.
const char* TotalOf(const Outcome& outcome) {
  if (std::holds_alternative<Completed>(outcome)) return kTotalCompleted;
  return std::holds_alternative<Aborted>(outcome) ? kTotalAborted : kTotalFailed;
}

}  // namespace

AppendWrite::AppendWrite(const Append& append)
    : flow_id_(append.flow_id),
      product_(append.product),
      kind_(append.kind),
      invocation_id_(append.invocation_id),
      entry_(Encode(append.entry)),
      ended_as_(std::holds_alternative<Ended>(append.entry.what) ? TotalOf(std::get<Ended>(append.entry.what).outcome)
                                                                 : nullptr),
      events_(Encode(append.events)),
      invocation_(append.invocation ? std::optional(Encode(*append.invocation)) : std::nullopt),
      learned_user_id_(append.learned_user_id),
      due_at_(absl::ToUnixMicros(append.due_at)),
      tag_(NextTag()) {}

absl::Status AppendWrite::Apply(Database& database, int64_t now) {
  won_ = false;
  grown_ = false;
  if (entry_.number > 1) {
    Query before(database, kSelectEntry);
    before.Id(flow_id_).Int(entry_.number - 1);
    if (!before.Next()) return before.status();
  }
  {
    Query insert(database, kInsertEntry);
    insert.Id(flow_id_).Int(entry_.number).Int(entry_.time).Int(static_cast<int64_t>(entry_.kind));
    const absl::Status status = insert.Blob(entry_.payload).Int(tag_).Run();
    if (!status.ok()) return status;
    if (database.changes() == 0) return absl::OkStatus();
  }
  won_ = true;
  absl::Status status;
  if (entry_.kind == EntryKind::kStarted) {
    status = Query(database, kInsertOpenFlow).Id(flow_id_).Int(due_at_).Text(product_).Int(kind_).Run();
    if (status.ok()) status = AddToTotal(database, product_, kind_, kTotalStarted, 1);
  } else if (ended_as_ != nullptr) {
    status = Query(database, kDeleteOpenFlow).Id(flow_id_).Run();
    if (status.ok()) status = AddToTotal(database, product_, kind_, ended_as_, 1);
  }
  if (!status.ok() || (!invocation_ && learned_user_id_.empty() && events_.empty())) return status;

  auto row = FindInvocation(database, product_, invocation_id_);
  if (!row.ok()) return row.status();
  if (row->id == 0) {
    if (!invocation_ && events_.empty()) return absl::OkStatus();  // a user learned outside of the funnel
    row->opted_out = invocation_ && invocation_->opted_out;
    if (invocation_) row->user_id = invocation_->user_id;
  } else if (learned_user_id_.empty() && events_.empty()) {
    return absl::OkStatus();  // the first call's properties hold
  }
  if (!learned_user_id_.empty() && !row->opted_out) row->user_id = learned_user_id_;
  grown_ = !row->opted_out && !events_.empty();
  const Subject subject{.product = product_, .id = invocation_id_, .flow_id = &flow_id_, .now = now};
  return WriteEvents(database, subject, *std::move(row), invocation_ ? invocation_->base : std::string(), events_);
}

std::optional<bool> AppendWrite::Happened(Database& database) {
  if (!won_) return std::nullopt;
  Query query(database, kSelectWriter);
  query.Id(flow_id_).Int(entry_.number);
  if (query.Next()) return query.GetInt(0) == tag_;
  if (!query.status().ok()) return std::nullopt;
  return false;
}

void AppendWrite::Finish(const absl::Status& status) {
  if (status.ok()) {
    done_(won_);
  } else {
    done_(status);
  }
}

absl::Status PostponeWrite::Apply(Database& database, int64_t) {
  return Query(database, kPostpone).Int(due_at_).Id(flow_id_).Run();
}

PassWrite::PassWrite(std::string product, const InvocationId& id, const v1::Invocation& base, Milestone milestone,
                     const Event& event, Done<absl::StatusOr<bool>> done)
    : product_(std::move(product)),
      id_(id),
      base_(Encode(base)),
      milestone_(milestone),
      events_({Encode(event)}),
      done_(std::move(done)) {}

absl::Status PassWrite::Apply(Database& database, int64_t now) {
  passed_ = false;
  grown_ = false;
  auto row = FindInvocation(database, product_, id_);
  if (!row.ok()) return row.status();
  if (row->id == 0) {
    row->opted_out = base_.opted_out;
    row->user_id = base_.user_id;
  }
  bool& milestone = milestone_ == Milestone::kInvoked     ? row->invoked
                    : milestone_ == Milestone::kCompleted ? row->completed
                                                          : row->logged_out;
  const bool orphan = milestone_ == Milestone::kCompleted && !row->invoked;
  if (milestone || orphan) return absl::OkStatus();
  milestone = true;
  passed_ = true;
  grown_ = !row->opted_out;
  const Subject subject{.product = product_, .id = id_, .flow_id = nullptr, .now = now};
  return WriteEvents(database, subject, *std::move(row), base_.base, events_);
}

void PassWrite::Finish(const absl::Status& status) {
  if (status.ok()) {
    done_(passed_);
  } else {
    done_(status);
  }
}

}  // namespace authflow
