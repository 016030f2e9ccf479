#include "server/storage/follower.h"

#include <utility>

#include "absl/time/clock.h"
#include "server/storage/folder.h"
#include "server/storage/funnel_codec.h"

namespace authflow {
namespace {

// Events are kept so long for a follower that died without a word, or stands still.
constexpr absl::Duration kAlive = absl::Seconds(20);

constexpr char kAddFollower[] =
    "INSERT INTO followers (last_event, alive_until) "
    "VALUES (coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0), ?) RETURNING id, last_event";
constexpr char kSayAlive[] = "UPDATE followers SET last_event = ?, alive_until = ? WHERE id = ?";
constexpr char kForgetOthers[] = "DELETE FROM followers WHERE alive_until < ?";
constexpr char kRemoveFollower[] = "DELETE FROM followers WHERE id = ?";
constexpr char kDropRead[] =
    "DELETE FROM followed WHERE id <= coalesce((SELECT min(last_event) FROM followers), 9223372036854775807)";
// One statement, one snapshot: an event that moves meanwhile is seen once.
constexpr char kSelectNew[] =
    "SELECT recorded.id, recorded.product, recorded.sequence, recorded.message_id, recorded.user_id, recorded.time, "
    "recorded.payload, invocations.invocation_id, invocations.opted_out, invocations.base FROM ("
    "SELECT id, product, invocation, sequence, message_id, user_id, time, payload FROM outbox WHERE id > ?1 "
    "UNION ALL "
    "SELECT id, product, invocation, sequence, message_id, user_id, time, payload FROM followed WHERE id > ?1"
    ") AS recorded JOIN invocations ON invocations.id = recorded.invocation ORDER BY recorded.id LIMIT ?2";

constexpr char kSelectAlive[] = "SELECT max(alive_until) FROM followers";
constexpr char kForgetAll[] = "DELETE FROM followers";
constexpr char kSelectPayload[] = "SELECT payload FROM outbox WHERE id = ?";
constexpr char kKeep[] =
    "INSERT INTO followed (id, product, invocation, sequence, message_id, user_id, time, payload) "
    "SELECT id, product, invocation, sequence, message_id, user_id, time, ?2 FROM outbox "
    "WHERE id = ?1 AND dead_reason IS NULL";

// Its payload without e-mail and name, which nobody needs once they are delivered.
std::string WithoutTraits(const std::string& payload) {
  v1::FunnelEvent event;
  if (!event.ParseFromString(payload) || !event.has_identify()) return payload;
  event.mutable_identify()->clear_sealed_traits();
  return event.SerializeAsString();
}

// Runs `body` as one transaction.
template <typename Body>
absl::Status Atomically(Database& database, const Body& body) {
  absl::Status status = database.Execute("BEGIN IMMEDIATE");
  if (!status.ok()) return status;
  status = body();
  if (status.ok()) status = database.Execute("COMMIT");
  if (database.in_transaction()) (void)database.Execute("ROLLBACK");
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventFollower>> EventFollower::Open(const std::string& folder,
                                                                   absl::Duration say_alive_every) {
  auto database = OpenDatabase(folder);
  if (!database.ok()) return database.status();
  // What a follower writes is worth nothing after a crash: it waits for no disk.
  if (absl::Status set = (*database)->Execute("PRAGMA synchronous = NORMAL"); !set.ok()) return set;
  std::unique_ptr<EventFollower> follower(new EventFollower(*std::move(database), say_alive_every));
  if (absl::Status registered = follower->Register(); !registered.ok()) return registered;
  return follower;
}

EventFollower::~EventFollower() {
  (void)Atomically(*database_, [this] {
    absl::Status status = Query(*database_, kRemoveFollower).Int(id_).Run();
    if (status.ok()) status = Query(*database_, kDropRead).Run();
    return status;
  });
}

absl::Status EventFollower::Register() {
  said_alive_ = absl::Now();
  Query add(*database_, kAddFollower);
  if (!add.Int(absl::ToUnixMicros(said_alive_ + kAlive)).Next()) return add.status();
  id_ = add.GetInt(0);
  last_event_ = add.GetInt(1);
  // The statement is committed when it has run to its end.
  add.Next();
  return add.status();
}

absl::StatusOr<bool> EventFollower::SayAlive() {
  bool known = false;
  said_alive_ = absl::Now();
  const absl::Status status = Atomically(*database_, [this, &known] {
    Query say(*database_, kSayAlive);
    absl::Status said = say.Int(last_event_).Int(absl::ToUnixMicros(said_alive_ + kAlive)).Int(id_).Run();
    known = database_->changes() == 1;
    // Not kept for one that is gone while another lives.
    if (said.ok()) said = Query(*database_, kForgetOthers).Int(absl::ToUnixMicros(said_alive_)).Run();
    if (said.ok()) said = Query(*database_, kDropRead).Run();
    return said;
  });
  if (!status.ok()) return status;
  return known;
}

absl::StatusOr<EventFollower::Batch> EventFollower::Next(int limit) {
  Batch batch;
  if (absl::Now() - said_alive_ >= say_alive_every_) {
    const auto known = SayAlive();
    if (!known.ok()) return known.status();
    if (!*known) {
      // What was recorded before this is shown as far as it is still in the outbox.
      batch.forgotten = true;
      const int64_t last_event = last_event_;
      if (absl::Status again = Register(); !again.ok()) return again;
      last_event_ = last_event;
    }
  }
  Query query(*database_, kSelectNew);
  query.Int(last_event_).Int(limit);
  while (query.Next()) {
    const NumberedEvent row{
        .event = {.message_id = query.GetId(3), .time = query.GetInt(5), .payload = query.GetBytes(6)},
        .sequence = query.GetInt(2),
        .user_id = query.GetBytes(4)};
    const v1::Invocation base = DecodeInvocation(query.GetId(7), query.GetInt(8) != 0, query.GetBytes(9));
    last_event_ = query.GetInt(0);
    batch.events.push_back({.id = last_event_, .product = query.GetBytes(1), .event = Decode(row, base)});
  }
  if (!query.status().ok()) return query.status();
  return batch;
}

absl::Status KeepForFollowers(Database& database, const std::vector<int64_t>& delivered, int64_t now) {
  {
    Query alive(database, kSelectAlive);
    if (!alive.Next()) return alive.status();
    if (alive.IsNull(0)) return absl::OkStatus();
    if (alive.GetInt(0) >= now) {
      for (const int64_t id : delivered) {
        std::string payload;
        {
          Query select(database, kSelectPayload);
          if (select.Int(id).Next()) payload = WithoutTraits(select.GetBytes(0));
          if (!select.status().ok()) return select.status();
        }
        const absl::Status kept = Query(database, kKeep).Int(id).Blob(payload).Run();
        if (!kept.ok()) return kept;
      }
      return absl::OkStatus();
    }
  }
  const absl::Status forgotten = Query(database, kForgetAll).Run();
  return forgotten.ok() ? Query(database, kDropRead).Run() : forgotten;
}

}  // namespace authflow
