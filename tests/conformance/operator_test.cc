// What an operator does with a data folder while a server uses it, and what retention forgets.
#include "server/storage/operator.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "server/storage/follower.h"
#include "server/storage/sqlite_storage.h"
#include "tests/conformance/store_test.h"

namespace authflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class OperatorTest : public StoreTest {
 protected:
  Pruned Prune(absl::Duration older_than, int limit = 1000) {
    const auto pruned = Wait(storage_->Prune(now() - older_than, limit));
    EXPECT_TRUE(pruned.ok()) << pruned.status();
    return pruned.ok() ? *pruned : Pruned{};
  }
  bool Known(const InvocationId& id) { return Wait(invocations().LoadInvocation(kProduct, id))->has_value(); }
  TestFlow Finished() {
    TestFlow flow;
    Start(flow);
    EXPECT_TRUE(Add(EndOf(flow, 2)));
    return flow;
  }
};
INSTANTIATE_TEST_SUITE_P(All, OperatorTest, testing::Values(StorageKinds()[1]), StorageName);

constexpr absl::Duration kDay = absl::Hours(24);

TEST_P(OperatorTest, WhatEndedLongAgoIsForgottenWithItsInvocation) {
  const TestFlow old = Finished();
  Drain();
  clock_.Advance(20 * kDay);
  const TestFlow young = Finished();
  TestFlow open;
  Start(open);
  Drain();
  EXPECT_EQ(Prune(20 * kDay).flows, 0) << "not older than that";
  const Pruned pruned = Prune(19 * kDay);
  EXPECT_EQ(pruned.flows, 1);
  EXPECT_EQ(pruned.invocations, 1);
  EXPECT_FALSE(pruned.more);
  EXPECT_THAT(Log(old.id), IsEmpty());
  EXPECT_FALSE(Known(old.invocation));
  EXPECT_THAT(Log(young.id), SizeIs(2));
  EXPECT_THAT(Log(open.id), SizeIs(1));
  EXPECT_TRUE(Known(young.invocation));
  EXPECT_EQ(Wait(flows().CountFlows())->at(0).started, 3) << "totals are for ever";
}

TEST_P(OperatorTest, NothingWithAnUndeliveredOrDeadEventIsForgotten) {
  const TestFlow dead = Finished();
  const auto claim = *ClaimOne();
  ASSERT_TRUE(Settle(claim, {}, {{claim.events[0].id, "400"}}));
  const TestFlow waiting = Finished();
  TestFlow command;
  ASSERT_TRUE(Invoke(BaseOf(command.invocation)));
  clock_.Advance(60 * kDay);
  EXPECT_EQ(Prune(30 * kDay).flows, 0);
  EXPECT_TRUE(Known(command.invocation));
  Drain();
  const Pruned pruned = Prune(30 * kDay);
  EXPECT_EQ(pruned.flows, 1);
  EXPECT_EQ(pruned.invocations, 2);
  EXPECT_THAT(Log(waiting.id), IsEmpty());
  EXPECT_THAT(Log(dead.id), SizeIs(2));
  EXPECT_TRUE(Known(dead.invocation));
}

TEST_P(OperatorTest, AnInvocationThatIsStillHeardOfIsKept) {
  const TestFlow flow = Finished();
  clock_.Advance(40 * kDay);
  ASSERT_TRUE(Invoke(BaseOf(flow.invocation)));
  Drain();
  const Pruned pruned = Prune(30 * kDay);
  EXPECT_EQ(pruned.flows, 1);
  EXPECT_EQ(pruned.invocations, 0);
}

TEST_P(OperatorTest, RetentionGoesOnWhereItsLastStepEnded) {
  for (int i = 0; i < 5; ++i) Finished();
  Drain();
  clock_.Advance(60 * kDay);
  int steps = 0;
  int64_t flows = 0;
  for (bool more = true; more; ++steps) {
    const Pruned pruned = Prune(30 * kDay, 4);
    EXPECT_LE(pruned.flows, 2);
    flows += pruned.flows;
    more = pruned.more;
  }
  EXPECT_EQ(flows, 5);
  EXPECT_EQ(steps, 3);
}

TEST_P(OperatorTest, DeadEventsAreListedAndSentAgainInTheirOldOrder) {
  const TestFlow flow = Finished();
  const TestFlow other = Finished();
  while (const auto claim = ClaimOne()) {
    ASSERT_TRUE(Settle(*claim, {}, {{claim->events[0].id, "400 Bad Request"}}));
  }
  const auto dead = ListDead(folder_.path(), "", 10);
  ASSERT_TRUE(dead.ok()) << dead.status();
  ASSERT_THAT(*dead, SizeIs(4));
  EXPECT_EQ((*dead)[0].reason, "400 Bad Request");
  EXPECT_EQ((*dead)[0].event, "CLI Auth Started");
  EXPECT_EQ((*dead)[0].flow_id, flow.id.ToString());
  EXPECT_EQ((*dead)[1].event, "CLI Auth Completed");
  EXPECT_THAT((*dead)[1].reason, HasSubstr("follows"));
  EXPECT_THAT(*ListDead(folder_.path(), "another", 10), IsEmpty());

  EXPECT_EQ(RetryDead(folder_.path(), "", 4711).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(*RetryDead(folder_.path(), "", (*dead)[0].id), 2) << "with what followed it";
  EXPECT_EQ(Stats().dead, 2);
  EXPECT_EQ(Stats().pending, 2);
  const auto again = Drain();
  ASSERT_THAT(again, SizeIs(2));
  EXPECT_TRUE(again[0].has_auth_started());
  EXPECT_TRUE(again[1].has_auth_completed());
  EXPECT_EQ(*RetryDead(folder_.path(), kProduct, 0), 2);
  EXPECT_THAT(Drain(), SizeIs(2));
  EXPECT_EQ(Stats().dead, 0);
}

TEST_P(OperatorTest, TheNewestRowsAreReadBesideTheServerUntilEnough) {
  const TestFlow first = Finished();
  const TestFlow second = Finished();
  std::vector<FlowId> seen;
  const auto read = [&](size_t enough) {
    seen.clear();
    const auto visit = [&](LogRow row) {
      seen.push_back(row.flow_id);
      return seen.size() < enough;
    };
    return ReadNewestRows(folder_.path(), visit, 3);
  };
  ASSERT_TRUE(read(100).ok());
  EXPECT_THAT(seen, ElementsAre(second.id, second.id, first.id, first.id)) << "in more than one slice";
  ASSERT_TRUE(read(3).ok());
  EXPECT_THAT(seen, SizeIs(3));
  EXPECT_EQ(ReadNewestRows("/nowhere", [](LogRow) { return true; }).code(), absl::StatusCode::kNotFound);
}

// What a follower has to show, "started 1 completed 2 ...": event and number.
std::vector<std::string> Shown(EventFollower& follower, int limit = 100) {
  std::vector<std::string> shown;
  const auto batch = follower.Next(limit);
  EXPECT_TRUE(batch.ok()) << batch.status();
  for (const RecordedEvent& recorded : batch->events) {
    const v1::FunnelEvent& event = recorded.event;
    const std::string name = v1::FunnelEvent::descriptor()->FindFieldByNumber(event.event_case())->name();
    shown.push_back(absl::StrCat(recorded.product, " ", name, " ", event.sequence()));
    EXPECT_EQ(event.invocation().command(), "acme login");
  }
  return shown;
}

TEST_P(OperatorTest, AFollowerSeesEachEventOnceInOrderWhetherOrNotItIsDeliveredMeanwhile) {
  Finished();
  const auto follower = *EventFollower::Open(folder_.path());
  EXPECT_THAT(Shown(*follower), IsEmpty()) << "from now on";
  TestFlow command;
  ASSERT_TRUE(Invoke(BaseOf(command.invocation)));
  Drain();
  TestFlow flow;
  flow.invocation = command.invocation;
  Start(flow);
  EXPECT_THAT(Shown(*follower, 1), ElementsAre("acme command_invoked 1"));
  Drain();
  ASSERT_TRUE(Add(EndOf(flow, 2)));
  EXPECT_THAT(Shown(*follower), ElementsAre("acme auth_started 2", "acme auth_completed 3"));
  Drain();
  EXPECT_THAT(Shown(*follower), IsEmpty());
}

TEST_P(OperatorTest, ADeadEventIsFollowedOnceEvenWhenItIsSentAgain) {
  const auto follower = *EventFollower::Open(folder_.path());
  Finished();
  const auto claim = *ClaimOne();
  ASSERT_TRUE(Settle(claim, {}, {{claim.events[0].id, "400"}}));
  EXPECT_THAT(Shown(*follower), SizeIs(2));
  ASSERT_TRUE(RetryDead(folder_.path(), "", 0).ok());
  Drain();
  EXPECT_THAT(Shown(*follower), IsEmpty());
}

TEST_P(OperatorTest, WhatIsKeptForAFollowerHasNoTraits) {
  const auto follower = *EventFollower::Open(folder_.path());
  TestFlow flow;
  Append start = StartOf(flow);
  start.events.push_back(IdentifyEvent(flow.id, 1, "sealed", now()));
  ASSERT_TRUE(Add(start));
  Drain();
  const auto batch = follower->Next(10);
  ASSERT_THAT(batch->events, SizeIs(2));
  EXPECT_TRUE(batch->events[1].event.has_identify());
  EXPECT_EQ(batch->events[1].event.identify().sealed_traits(), "");
}

TEST_P(OperatorTest, TwoFollowDelayingNobodyAndNothingIsKeptAfterThem) {
  const auto kept = [this] {
    const auto database = *Database::Open(folder_.path() + "/authflow.db", Database::Use::kRead);
    Query query(*database, "SELECT (SELECT count(*) FROM followed) * 1000 + (SELECT count(*) FROM followers)");
    EXPECT_TRUE(query.Next());
    return query.GetInt(0);
  };
  auto one = *EventFollower::Open(folder_.path());
  auto other = *EventFollower::Open(folder_.path());
  Finished();
  EXPECT_THAT(Drain(), SizeIs(2));
  EXPECT_EQ(kept(), 2002);
  EXPECT_THAT(Shown(*one), SizeIs(2));
  one.reset();
  EXPECT_EQ(kept(), 2001) << "the other has not read them";
  EXPECT_THAT(Shown(*other), SizeIs(2));
  other.reset();
  EXPECT_EQ(kept(), 0);
  Finished();
  Drain();
  EXPECT_EQ(kept(), 0);
}

TEST_P(OperatorTest, WhoWasNotHeardOfForTooLongIsForgottenAndTold) {
  const auto follower = *EventFollower::Open(folder_.path(), absl::ZeroDuration());
  EXPECT_FALSE(follower->Next(10)->forgotten);
  clock_.Advance(absl::Now() + absl::Minutes(1) - now());
  Finished();
  Drain();
  const auto batch = follower->Next(10);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_THAT(batch->events, IsEmpty()) << "they were not kept for it";
  EXPECT_TRUE(batch->forgotten);
  Finished();
  EXPECT_THAT(Shown(*follower), SizeIs(2)) << "it follows again";
}

TEST_P(OperatorTest, ABackupOfAServingFolderIsRestoredElsewhere) {
  const TestFlow ended = Finished();
  TestFlow open;
  Start(open);
  const std::string file = folder_.path() + "/copy.db";
  const auto content = BackUp(folder_.path(), file);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->open_flows, 1);
  EXPECT_EQ(content->undelivered, 3);
  struct stat info;
  ASSERT_EQ(stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(BackUp(folder_.path(), file).status().code(), absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(Add(EndOf(open, 2))) << "the server went on";

  const TempFolder other;
  EXPECT_THAT(std::string(RestoreBackup(file, folder_.path()).status().message()), HasSubstr("another authflowd"));
  const std::string elsewhere = other.path() + "/new/folder";
  EXPECT_EQ(RestoreBackup(file + ".gone", elsewhere).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(elsewhere));
  const auto restored = RestoreBackup(file, elsewhere);
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->open_flows, 1);
  EXPECT_THAT(std::string(RestoreBackup(file, elsewhere).status().message()), HasSubstr("move it out of the way"));
  EXPECT_THAT(*ReadFlow(elsewhere, ended.id), SizeIs(2));
  EXPECT_EQ(ReadFlow(elsewhere, NewId()).status().code(), absl::StatusCode::kNotFound);

  storage_ = *OpenSqlite(elsewhere, clock_, nullptr);
  ASSERT_TRUE(Add(EndOf(open, 2))) << "it ends again there";
  EXPECT_THAT(Drain(), SizeIs(4));
}

TEST_P(OperatorTest, ADamagedBackupIsNotRestored) {
  const std::string file = folder_.path() + "/copy.db";
  std::ofstream(file) << "SQLite format 3" << '\0' << "and then something else that is no database at all";
  const TempFolder other;
  EXPECT_THAT(std::string(RestoreBackup(file, other.path()).status().message()), HasSubstr("cannot restore from"));
  EXPECT_TRUE(OpenSqlite(other.path(), clock_, nullptr).ok()) << "nothing was left in its place";
}

}  // namespace
}  // namespace authflow
