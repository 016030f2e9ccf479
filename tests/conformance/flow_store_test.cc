// What FlowStore means, over every kind of storage.
#include <atomic>
#include <set>

#include "tests/conformance/store_test.h"

namespace authflow {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class FlowStoreTest : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(All, FlowStoreTest, testing::ValuesIn(StorageKinds()), StorageName);

TEST_P(FlowStoreTest, AnUnknownFlowHasAnEmptyLog) { EXPECT_THAT(Log(NewId()), IsEmpty()); }

TEST_P(FlowStoreTest, ALogIsReadAsItWasWritten) {
  const TestFlow flow;
  Header header;
  header.id = flow.id;
  header.product = kProduct;
  header.kind = v1::FLOW_KIND_SIGNUP;
  header.invocation = flow.invocation;
  header.claimed_user_id = "u1";
  header.redirect_uri = "http://127.0.0.1:5000/callback";
  header.no_browser = true;
  header.tracked = false;
  header.key_name = 0xfedcba98;
  header.start = now() + absl::Microseconds(1);
  header.expire = now() + absl::Minutes(30);
  header.browser_wait = absl::Minutes(10);
  const std::string bytes("\0\xff'", 3);
  const std::vector<What> whats = {
      Started{header},
      Attached{},
      Entered{.step = v1::STEP_BROWSER_WAIT, .attempt = 2},
      ExchangeBegun{.attempt = 2, .code = bytes, .until = now() + absl::Seconds(30)},
      CallFailed{.error_class = v1::ERROR_CLASS_PROVIDER_TIMEOUT, .way_left = true},
      CallOk{},
      Exchanged{.user_id = "\xffuser", .owner = bytes},
      Ended{Failed{v1::ERROR_CLASS_CLIENT_PROFILE_WRITE}},
  };
  int64_t number = 0;
  for (const What& what : whats) {
    clock_.Advance(absl::Microseconds(1));
    ASSERT_TRUE(Add(flow, ++number, what));
  }

  const std::vector<Entry> log = Log(flow.id);
  ASSERT_THAT(log, SizeIs(whats.size()));
  for (size_t i = 0; i < log.size(); ++i) {
    EXPECT_EQ(log[i].number, static_cast<int64_t>(i) + 1);
    EXPECT_EQ(log[i].time, absl::FromUnixSeconds(1700000000) + absl::Microseconds(i + 1));
    EXPECT_EQ(log[i].what.index(), whats[i].index());
  }
  const Header& read = std::get<Started>(log[0].what).header;
  EXPECT_EQ(read.id, header.id);
  EXPECT_EQ(read.product, header.product);
  EXPECT_EQ(read.kind, header.kind);
  EXPECT_EQ(read.invocation, header.invocation);
  EXPECT_EQ(read.claimed_user_id, header.claimed_user_id);
  EXPECT_EQ(read.redirect_uri, header.redirect_uri);
  EXPECT_EQ(read.no_browser, header.no_browser);
  EXPECT_EQ(read.tracked, header.tracked);
  EXPECT_EQ(read.key_name, header.key_name);
  EXPECT_EQ(read.start, header.start);
  EXPECT_EQ(read.expire, header.expire);
  EXPECT_EQ(read.browser_wait, header.browser_wait);
  EXPECT_EQ(std::get<Entered>(log[2].what).step, v1::STEP_BROWSER_WAIT);
  EXPECT_EQ(std::get<Entered>(log[2].what).attempt, 2);
  EXPECT_EQ(std::get<ExchangeBegun>(log[3].what).attempt, 2);
  EXPECT_EQ(std::get<ExchangeBegun>(log[3].what).code, bytes);
  EXPECT_EQ(std::get<ExchangeBegun>(log[3].what).until, std::get<ExchangeBegun>(whats[3]).until);
  EXPECT_EQ(std::get<CallFailed>(log[4].what).error_class, v1::ERROR_CLASS_PROVIDER_TIMEOUT);
  EXPECT_TRUE(std::get<CallFailed>(log[4].what).way_left);
  EXPECT_EQ(std::get<Exchanged>(log[6].what).user_id, "\xffuser");
  EXPECT_EQ(std::get<Exchanged>(log[6].what).owner, bytes);
  EXPECT_EQ(std::get<Ended>(log[7].what).outcome, Outcome(Failed{v1::ERROR_CLASS_CLIENT_PROFILE_WRITE}));
}

TEST_P(FlowStoreTest, EveryOutcomeIsReadAsItWasWritten) {
  for (const Outcome& outcome : {Outcome(Completed{}), Outcome(Aborted{v1::ABORT_REASON_CLIENT_LOST}),
                                 Outcome(Failed{v1::ERROR_CLASS_PROVIDER_ERROR})}) {
    const TestFlow flow;
    Start(flow);
    ASSERT_TRUE(Add(flow, 2, Ended{outcome}));
    EXPECT_EQ(std::get<Ended>(Log(flow.id)[1].what).outcome, outcome);
  }
}

TEST_P(FlowStoreTest, TimesAreKeptInMicroseconds) {
  const TestFlow flow;
  Append append = StartOf(flow);
  append.entry.time = absl::FromUnixNanos(1700000000123456789);
  ASSERT_TRUE(Add(append));
  EXPECT_EQ(Log(flow.id)[0].time, absl::FromUnixMicros(1700000000123456));
}

TEST_P(FlowStoreTest, OneOf16RacingWritersWinsEachNumber) {
  const TestFlow flow;
  Start(flow);
  for (int64_t number = 2; number < 12; ++number) {
    std::atomic<int> winners = 0;
    AtOnce(16, [&](int writer) {
      const bool won = Add(flow, number, Entered{.step = v1::STEP_BROWSER_WAIT, .attempt = writer});
      if (!won) return;
      ++winners;
      const auto log = Log(flow.id);
      EXPECT_EQ(std::get<Entered>(log.at(static_cast<size_t>(number) - 1).what).attempt, writer);
    });
    EXPECT_EQ(winners, 1);
  }
  EXPECT_THAT(Log(flow.id), SizeIs(11));
}

TEST_P(FlowStoreTest, OneOf16RacingStartsAndEndsWins) {
  const TestFlow flow;
  std::atomic<int> started = 0;
  AtOnce(16, [&](int) { started += Add(StartOf(flow)); });
  std::atomic<int> ended = 0;
  AtOnce(16, [&](int) { ended += Add(EndOf(flow, 2)); });
  EXPECT_EQ(started, 1);
  EXPECT_EQ(ended, 1);
  EXPECT_THAT(Drain(), SizeIs(2)) << "one event for each, the losers' events are not written";
}

TEST_P(FlowStoreTest, AGapIsRefused) {
  const TestFlow flow;
  EXPECT_FALSE(Add(flow, 2, Attached{})) << "nothing before it";
  EXPECT_THAT(Log(flow.id), IsEmpty());
  Start(flow);
  EXPECT_FALSE(Add(flow, 3, Attached{}));
  EXPECT_TRUE(Add(flow, 2, Attached{}));
  EXPECT_TRUE(Add(flow, 3, Attached{}));
}

TEST_P(FlowStoreTest, ASecondEndIsRefused) {
  const TestFlow flow;
  Start(flow);
  EXPECT_TRUE(Add(EndOf(flow, 2)));
  EXPECT_FALSE(Add(EndOf(flow, 2)));
  EXPECT_FALSE(Add(EndOf(flow, 3))) << "the memory itself proves: one end a flow";
  EXPECT_THAT(Log(flow.id), SizeIs(2));
}

TEST_P(FlowStoreTest, ALoserWritesNothing) {
  const TestFlow flow;
  Start(flow);
  Drain();
  Append loser = flow.Of(1, Exchanged{.user_id = "u9", .owner = "o"}, now());
  loser.learned_user_id = "u9";
  loser.events = {AuthCompletedEvent(flow.id, flow.kind, absl::Seconds(1), now())};
  EXPECT_FALSE(Add(loser));
  EXPECT_FALSE(Add(EndOf(flow, 5)));
  EXPECT_THAT(Drain(), IsEmpty());
  EXPECT_EQ(Wait(flows().CountFlows())->at(0).active, 1) << "a lost end does not close the flow";
  ASSERT_TRUE(Add(EndOf(flow, 2)));
  const auto events = Drain();
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].user_id(), "") << "a lost entry teaches no user";
  EXPECT_EQ(events[0].sequence(), 2);

  TestFlow other;
  Append lost_start = StartOf(other);
  lost_start.entry.number = 2;
  EXPECT_FALSE(Add(lost_start));
  EXPECT_EQ(*Wait(invocations().LoadInvocation(kProduct, other.invocation)), std::nullopt);
}

TEST_P(FlowStoreTest, TheRowsOfAllFlowsAreReadTheLastCommittedFirst) {
  EXPECT_THAT(*Wait(flows().LoadBefore(kNewest, 10)), IsEmpty());
  const TestFlow first, second;
  Start(first);
  Start(second);
  ASSERT_TRUE(Add(first, 2, Attached{}));
  ASSERT_TRUE(Add(second, 2, Ended{Completed{}}));
  std::vector<LogRow> rows;
  for (int64_t before = kNewest;;) {
    const auto read = Wait(flows().LoadBefore(before, 3));
    ASSERT_TRUE(read.ok()) << read.status();
    rows.insert(rows.end(), read->begin(), read->end());
    if (read->size() < 3) break;
    before = read->back().position;
    ASSERT_TRUE(Add(first, 3, Attached{}) || rows.size() > 3) << "what is written meanwhile does not appear";
  }
  ASSERT_THAT(rows, SizeIs(4));
  const std::pair<FlowId, int64_t> expected[] = {{second.id, 2}, {first.id, 2}, {second.id, 1}, {first.id, 1}};
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(std::pair(rows[i].flow_id, rows[i].entry.number), expected[i]);
    EXPECT_TRUE(i == 0 || rows[i].position < rows[i - 1].position);
  }
  EXPECT_TRUE(std::holds_alternative<Ended>(rows[0].entry.what));
  EXPECT_EQ(std::get<Started>(rows[3].entry.what).header.product, kProduct);
}

TEST_P(FlowStoreTest, DueListsOpenFlowsTheLongestOverdueFirst) {
  const TestFlow late, early, later;
  Start(late, absl::Minutes(20));
  Start(early, absl::Minutes(10));
  Start(later, absl::Minutes(30));
  const auto due = [&](absl::Duration after, int limit) { return *Wait(flows().Due(now() + after, limit)); };
  EXPECT_THAT(due(absl::Minutes(9), 10), IsEmpty());
  EXPECT_THAT(due(absl::Minutes(10), 10), ElementsAre(early.id)) << "due at now is due";
  EXPECT_THAT(due(absl::Hours(1), 10), ElementsAre(early.id, late.id, later.id));
  EXPECT_THAT(due(absl::Hours(1), 2), ElementsAre(early.id, late.id));
  ASSERT_TRUE(Add(EndOf(early, 2)));
  EXPECT_THAT(due(absl::Hours(1), 10), ElementsAre(late.id, later.id)) << "ended: no longer open";
}

TEST_P(FlowStoreTest, PostponeMovesAnOpenFlowAndNothingElse) {
  const TestFlow flow, ended;
  Start(flow, absl::Minutes(10));
  Start(ended, absl::Minutes(10));
  ASSERT_TRUE(Add(EndOf(ended, 2)));
  for (const FlowId& id : {flow.id, ended.id, NewId()}) {
    EXPECT_TRUE(Wait(flows().Postpone(id, now() + absl::Minutes(20))).ok());
  }
  EXPECT_THAT(*Wait(flows().Due(now() + absl::Minutes(19), 10)), IsEmpty());
  EXPECT_THAT(*Wait(flows().Due(now() + absl::Minutes(20), 10)), ElementsAre(flow.id));
}

TEST_P(FlowStoreTest, FlowsAreCountedByProductKindAndEnd) {
  TestFlow login, another, lost, signup, elsewhere;
  signup.kind = v1::FLOW_KIND_SIGNUP;
  elsewhere.product = "other";
  for (const TestFlow& flow : {login, another, lost, signup, elsewhere}) Start(flow);
  ASSERT_TRUE(Add(EndOf(another, 2)));
  EXPECT_FALSE(Add(EndOf(another, 2))) << "counted once";
  Append failed = lost.Of(2, Ended{Failed{v1::ERROR_CLASS_CLIENT_ERROR}}, now());
  ASSERT_TRUE(Add(failed));
  Append aborted = signup.Of(2, Ended{Aborted{v1::ABORT_REASON_EXPIRED}}, now());
  ASSERT_TRUE(Add(aborted));
  EXPECT_THAT(*Wait(flows().CountFlows()), ElementsAre(FlowTotals{"acme", v1::FLOW_KIND_LOGIN, 3, 1, 0, 1, 1},
                                                       FlowTotals{"acme", v1::FLOW_KIND_SIGNUP, 1, 0, 1, 0, 0},
                                                       FlowTotals{"other", v1::FLOW_KIND_LOGIN, 1, 0, 0, 0, 1}));
}

}  // namespace
}  // namespace authflow
