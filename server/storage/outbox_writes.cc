#include "server/storage/outbox_writes.h"

#include "absl/strings/str_cat.h"
#include "server/storage/follower.h"
#include "server/storage/funnel_codec.h"
#include "server/storage/totals.h"

namespace authflow {
namespace {

// The free lane whose first event is the oldest, if that is among the oldest events of all. Mostly it is: what waits
// longest is in flight, and what comes next follows it.
constexpr char kFindOldest[] =
    "SELECT oldest.lane FROM (SELECT lane, product, dead_reason FROM outbox ORDER BY id LIMIT 64) AS oldest "
    "LEFT JOIN lanes ON lanes.product = ?1 AND lanes.lane = oldest.lane "
    "WHERE oldest.product = ?1 AND oldest.dead_reason IS NULL "
    "AND (lanes.lane IS NULL OR (lanes.lease_until <= ?2 AND lanes.not_before <= ?2)) LIMIT 1";
// The same, wherever it is. Steps from one lane with undelivered events to the next, then takes the free one whose
// first event is the oldest.
constexpr char kFindLane[] =
    "WITH RECURSIVE busy (lane) AS ("
    "SELECT (SELECT lane FROM outbox WHERE product = ?1 AND dead_reason IS NULL ORDER BY lane LIMIT 1) "
    "UNION ALL "
    "SELECT (SELECT lane FROM outbox WHERE product = ?1 AND dead_reason IS NULL AND lane > busy.lane "
    "ORDER BY lane LIMIT 1) FROM busy WHERE busy.lane IS NOT NULL) "
    "SELECT busy.lane FROM busy LEFT JOIN lanes ON lanes.product = ?1 AND lanes.lane = busy.lane "
    "WHERE busy.lane IS NOT NULL AND (lanes.lane IS NULL OR (lanes.lease_until <= ?2 AND lanes.not_before <= ?2)) "
    "ORDER BY (SELECT id FROM outbox WHERE product = ?1 AND lane = busy.lane AND dead_reason IS NULL "
    "ORDER BY id LIMIT 1) LIMIT 1";
constexpr char kLease[] =
    "INSERT INTO lanes (product, lane, holder, lease_until, not_before) VALUES (?, ?, ?, ?, 0) "
    "ON CONFLICT DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until";
constexpr char kSelectEvents[] =
    "SELECT outbox.id, outbox.flow_id, outbox.message_id, outbox.time, outbox.sequence, outbox.user_id, "
    "outbox.payload, "
    "invocations.invocation_id, invocations.opted_out, invocations.base, invocations.id "
    "FROM outbox JOIN invocations ON invocations.id = outbox.invocation "
    "WHERE outbox.product = ? AND outbox.lane = ? AND outbox.id > ? AND outbox.dead_reason IS NULL "
    "ORDER BY outbox.id LIMIT ?";
constexpr char kSelectDead[] =
    "SELECT id FROM outbox WHERE invocation = ? AND flow_id = ? AND dead_reason IS NOT NULL ORDER BY id LIMIT 1";

constexpr char kSelectHolder[] =
    "SELECT 1 FROM lanes WHERE product = ? AND lane = ? AND holder = ? AND lease_until <> 0";
constexpr char kEndLease[] =
    "UPDATE lanes SET holder = '', lease_until = 0, not_before = ? WHERE product = ? AND lane = ?";
constexpr char kDeleteEvent[] = "DELETE FROM outbox WHERE id = ? AND product = ? AND lane = ? AND dead_reason IS NULL";
constexpr char kPark[] =
    "UPDATE outbox SET dead_reason = ? WHERE id = ? AND product = ? AND lane = ? AND dead_reason IS NULL";
constexpr char kParkFollowing[] =
    "UPDATE outbox SET dead_reason = ?1 WHERE product = ?2 AND lane = ?3 AND id > ?4 AND dead_reason IS NULL "
    "AND flow_id = (SELECT flow_id FROM outbox WHERE id = ?4)";

// Events leave the pending ones: some delivered, some dead.
absl::Status Count(Database& database, const std::string& product, int64_t delivered, int64_t dead) {
  const absl::Status status =
      AddToTotal(database, product, v1::FLOW_KIND_UNSPECIFIED, kTotalPending, -(delivered + dead));
  if (!status.ok()) return status;
  return AddToTotal(database, product, v1::FLOW_KIND_UNSPECIFIED, kTotalDead, dead);
}

std::string Follows(int64_t id) { return absl::StrCat("follows ", id); }

absl::Status Park(Database& database, const std::string& product, int lane, int64_t id, const std::string& reason) {
  return Query(database, kPark).Text(reason).Int(id).Text(product).Int(lane).Run();
}

}  // namespace

absl::Status ClaimWrite::Apply(Database& database, int64_t) {
  claim_.reset();
  // A lane whose events are all parked on the way is empty afterwards: on to the next one.
  while (true) {
    std::optional<int> lane;
    absl::Status status = FindLane(database, kFindOldest, lane);
    if (status.ok() && !lane) status = FindLane(database, kFindLane, lane);
    if (!status.ok() || !lane) return status;
    status = Collect(database, *lane);
    if (!status.ok()) return status;
    if (claim_) return Query(database, kLease).Text(product_).Int(*lane).Text(holder_).Int(lease_until_).Run();
  }
}

absl::Status ClaimWrite::FindLane(Database& database, const char* how, std::optional<int>& lane) {
  Query find(database, how);
  if (find.Text(product_).Int(now_).Next()) lane = static_cast<int>(find.GetInt(0));
  return find.status();
}

absl::Status ClaimWrite::Collect(Database& database, int lane) {
  Claim claim{.lane = {.product = product_, .number = lane}, .holder = holder_};
  int64_t last = 0;
  bool more = true;
  while (more && claim.events.empty()) {
    std::vector<std::pair<int64_t, int64_t>> parked;  // with what each follows
    Query events(database, kSelectEvents);
    events.Text(product_).Int(lane).Int(last).Int(max_events_);
    int seen = 0;
    for (; events.Next(); ++seen) {
      last = events.GetInt(0);
      if (!events.IsNull(1)) {
        const std::string flow_id = events.GetBytes(1);
        Query dead(database, kSelectDead);
        if (dead.Int(events.GetInt(10)).Blob(flow_id).Next()) {
          parked.emplace_back(last, dead.GetInt(0));
          continue;
        }
        if (!dead.status().ok()) return dead.status();
      }
      NumberedEvent row{
          .event = {.message_id = events.GetId(2), .time = events.GetInt(3), .payload = events.GetBytes(6)},
          .sequence = events.GetInt(4),
          .user_id = events.GetBytes(5)};
      const v1::Invocation base = DecodeInvocation(events.GetId(7), events.GetInt(8) != 0, events.GetBytes(9));
      claim.events.push_back({.id = last, .event = Decode(row, base)});
    }
    if (!events.status().ok()) return events.status();
    more = seen == max_events_;
    for (const auto& [id, dead] : parked) {
      const absl::Status status = Park(database, product_, lane, id, Follows(dead));
      if (!status.ok()) return status;
    }
    const absl::Status counted = Count(database, product_, 0, static_cast<int64_t>(parked.size()));
    if (!counted.ok()) return counted;
  }
  if (!claim.events.empty()) claim_ = std::move(claim);
  return absl::OkStatus();
}

void ClaimWrite::Finish(const absl::Status& status) {
  if (status.ok()) {
    done_(std::move(claim_));
  } else {
    done_(status);
  }
}

absl::Status SettleWrite::Apply(Database& database, int64_t now) {
  settled_ = false;
  {
    Query holder(database, kSelectHolder);
    if (!holder.Text(lane_.product).Int(lane_.number).Text(holder_).Next()) return holder.status();
  }
  absl::Status status = Query(database, kEndLease).Int(not_before_).Text(lane_.product).Int(lane_.number).Run();
  if (status.ok()) status = KeepForFollowers(database, delivered_, now);
  int64_t gone = 0;
  int64_t parked = 0;
  for (const int64_t id : delivered_) {
    if (!status.ok()) return status;
    status = Query(database, kDeleteEvent).Int(id).Text(lane_.product).Int(lane_.number).Run();
    gone += database.changes();
  }
  for (const DeadEvent& dead : dead_) {
    if (!status.ok()) return status;
    status = Park(database, lane_.product, lane_.number, dead.id, dead.reason);
    if (!status.ok()) return status;
    parked += database.changes();
    const std::string reason = Follows(dead.id);
    Query follow(database, kParkFollowing);
    status = follow.Text(reason).Text(lane_.product).Int(lane_.number).Int(dead.id).Run();
    parked += database.changes();
  }
  if (status.ok()) status = Count(database, lane_.product, gone, parked);
  settled_ = status.ok();
  return status;
}

void SettleWrite::Finish(const absl::Status& status) {
  if (status.ok()) {
    done_(settled_);
  } else {
    done_(status);
  }
}

}  // namespace authflow
