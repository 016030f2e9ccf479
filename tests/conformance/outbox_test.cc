// What Outbox means, over every kind of storage.
#include <set>

#include "absl/synchronization/mutex.h"
#include "tests/conformance/store_test.h"

namespace authflow {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class OutboxTest : public StoreTest {
 protected:
  // A started flow of the invocation: one event.
  TestFlow StartIn(const InvocationId& invocation) {
    TestFlow flow;
    flow.invocation = invocation;
    Start(flow);
    return flow;
  }
  // Invocations that share no lane.
  std::vector<InvocationId> DifferentLanes(size_t count) {
    std::vector<InvocationId> ids;
    std::set<int> lanes;
    while (ids.size() < count) {
      const InvocationId id = NewId();
      StartIn(id);
      const auto claim = ClaimOne("probe");
      if (lanes.insert(claim->lane.number).second) ids.push_back(id);
      std::vector<int64_t> all;
      for (const auto& event : claim->events) all.push_back(event.id);
      Settle(*claim, all);
    }
    return ids;
  }
  static std::vector<std::string> FlowsOf(const Claim& claim) {
    std::vector<std::string> flows;
    for (const auto& event : claim.events) flows.push_back(event.event.flow_id());
    return flows;
  }
};
INSTANTIATE_TEST_SUITE_P(All, OutboxTest, testing::ValuesIn(StorageKinds()), StorageName);

TEST_P(OutboxTest, NothingToClaimIsNoClaim) {
  EXPECT_EQ(ClaimOne(), std::nullopt);
  StartIn(NewId());
  EXPECT_EQ(*Wait(outbox().ClaimLane("other", "me", now(), absl::Seconds(30), 10)), std::nullopt);
}

TEST_P(OutboxTest, EventsOfALaneComeInOrderAndAtMostSoMany) {
  const InvocationId invocation = NewId();
  std::vector<std::string> flows;
  for (int i = 0; i < 5; ++i) flows.push_back(StartIn(invocation).id.ToString());
  const auto first = ClaimOne("me", 3);
  EXPECT_THAT(FlowsOf(*first), ElementsAre(flows[0], flows[1], flows[2]));
  ASSERT_TRUE(Settle(*first, {first->events[0].id, first->events[1].id}));
  const auto second = ClaimOne("me", 3);
  EXPECT_THAT(FlowsOf(*second), ElementsAre(flows[2], flows[3], flows[4])) << "what was not delivered comes again";
}

TEST_P(OutboxTest, ALeasedLaneIsNotLeasedAgain) {
  StartIn(NewId());
  ASSERT_NE(ClaimOne("me"), std::nullopt);
  EXPECT_EQ(ClaimOne("other"), std::nullopt);
  EXPECT_EQ(ClaimOne("me"), std::nullopt) << "not even to its holder";
}

TEST_P(OutboxTest, AnExpiredLeaseIsAnybodys) {
  StartIn(NewId());
  const auto lost = ClaimOne("me", 10, absl::Seconds(30));
  clock_.Advance(absl::Seconds(29));
  EXPECT_EQ(ClaimOne("other"), std::nullopt);
  clock_.Advance(absl::Seconds(1));
  const auto taken = ClaimOne("other");
  ASSERT_NE(taken, std::nullopt);
  EXPECT_EQ(taken->events[0].id, lost->events[0].id);
  EXPECT_FALSE(Settle(*lost, {lost->events[0].id})) << "a lost lease settles nothing";
  EXPECT_EQ(Stats().pending, 1);
  EXPECT_TRUE(Settle(*taken, {taken->events[0].id}));
  EXPECT_EQ(Stats().pending, 0);
}

TEST_P(OutboxTest, AStrangerSettlesNothing) {
  StartIn(NewId());
  auto claim = *ClaimOne("me");
  claim.holder = "stranger";
  EXPECT_FALSE(Settle(claim, {claim.events[0].id}, {}, now() + absl::Hours(1)));
  claim.holder = "";
  EXPECT_FALSE(Settle(claim, {claim.events[0].id}));
  claim.holder = "me";
  EXPECT_TRUE(Settle(claim, {}));
  EXPECT_FALSE(Settle(claim, {claim.events[0].id})) << "the lease has ended";
  claim.holder = "";
  EXPECT_FALSE(Settle(claim, {claim.events[0].id}));
  EXPECT_NE(ClaimOne(), std::nullopt) << "and nobody put the lane off";
}

TEST_P(OutboxTest, SettlingTouchesNoOtherLane) {
  const auto lanes = DifferentLanes(2);
  StartIn(lanes[0]);
  StartIn(lanes[1]);
  const auto first = *ClaimOne("me");
  const auto second = *ClaimOne("me");
  ASSERT_NE(first.lane.number, second.lane.number);
  EXPECT_TRUE(Settle(first, {second.events[0].id}, {{second.events[0].id, "400"}}));
  EXPECT_EQ(Stats().pending, 2);
  EXPECT_EQ(Stats().dead, 0);
}

TEST_P(OutboxTest, TheLaneWithTheOldestEventComesFirst) {
  const auto lanes = DifferentLanes(3);
  for (const int i : {2, 0, 1, 2}) StartIn(lanes[static_cast<size_t>(i)]);
  for (const int i : {2, 0, 1}) {
    const auto claim = ClaimOne("me");
    ASSERT_NE(claim, std::nullopt);
    EXPECT_EQ(claim->events[0].event.invocation().invocation_id(), lanes[static_cast<size_t>(i)].ToString());
  }
  EXPECT_EQ(ClaimOne("me"), std::nullopt);
}

TEST_P(OutboxTest, ALaneIsFoundBehindAllThatWaitsInOthers) {
  const auto lanes = DifferentLanes(2);
  for (int i = 0; i < 100; ++i) StartIn(lanes[0]);
  StartIn(lanes[1]);
  EXPECT_EQ(ClaimOne("me")->events[0].event.invocation().invocation_id(), lanes[0].ToString());
  const auto behind = ClaimOne("me");
  ASSERT_NE(behind, std::nullopt);
  EXPECT_EQ(behind->events[0].event.invocation().invocation_id(), lanes[1].ToString());
  EXPECT_EQ(ClaimOne("me"), std::nullopt);
}

TEST_P(OutboxTest, ALaneThatIsPutOffWaits) {
  StartIn(NewId());
  const auto claim = *ClaimOne();
  ASSERT_TRUE(Settle(claim, {}, {}, now() + absl::Minutes(1)));
  EXPECT_EQ(ClaimOne(), std::nullopt);
  clock_.Advance(absl::Seconds(59));
  EXPECT_EQ(ClaimOne(), std::nullopt);
  clock_.Advance(absl::Seconds(1));
  EXPECT_NE(ClaimOne(), std::nullopt);
}

TEST_P(OutboxTest, AnInvocationStaysInItsLane) {
  const InvocationId invocation = NewId();
  StartIn(invocation);
  const auto first = *ClaimOne();
  ASSERT_TRUE(Settle(first, {first.events[0].id}));
  ASSERT_TRUE(Invoke(BaseOf(invocation)));
  EXPECT_EQ(ClaimOne()->lane.number, first.lane.number);
}

TEST_P(OutboxTest, ADeadEventIsParkedWithWhatFollowsItInItsFlow) {
  const InvocationId invocation = NewId();
  const TestFlow dead = StartIn(invocation);
  const TestFlow well = StartIn(invocation);
  ASSERT_TRUE(Add(EndOf(dead, 2)));
  ASSERT_TRUE(Invoke(BaseOf(invocation)));
  const auto claim = *ClaimOne();
  ASSERT_THAT(claim.events, SizeIs(4));
  ASSERT_TRUE(Settle(claim, {}, {{claim.events[0].id, "400 Bad Request"}}));
  EXPECT_EQ(Stats().dead, 2);
  EXPECT_EQ(Stats().pending, 2);
  const auto rest = *ClaimOne();
  EXPECT_THAT(FlowsOf(rest), ElementsAre(well.id.ToString(), "")) << "another flow and the command go on";
}

TEST_P(OutboxTest, WhatWasDeliveredBeforeIsNotParked) {
  const InvocationId invocation = NewId();
  const TestFlow flow = StartIn(invocation);
  ASSERT_TRUE(Add(EndOf(flow, 2)));
  const auto claim = *ClaimOne();
  ASSERT_TRUE(Settle(claim, {claim.events[0].id}, {{claim.events[1].id, "413"}}));
  EXPECT_EQ(Stats().dead, 1);
  EXPECT_EQ(Stats().pending, 0);
}

TEST_P(OutboxTest, LaterEventsOfAFlowWithADeadOneAreParkedWhenTheyCome) {
  const InvocationId invocation = NewId();
  const TestFlow dead = StartIn(invocation);
  const auto claim = *ClaimOne();
  ASSERT_TRUE(Settle(claim, {}, {{claim.events[0].id, "422"}}));
  ASSERT_TRUE(Add(EndOf(dead, 2)));
  EXPECT_EQ(ClaimOne(), std::nullopt);
  EXPECT_EQ(Stats().dead, 2);
  EXPECT_EQ(Stats().pending, 0);
}

TEST_P(OutboxTest, ParkedEventsDoNotHideTheNextOnes) {
  const InvocationId invocation = NewId();
  const TestFlow dead = StartIn(invocation);
  const auto claim = *ClaimOne();
  ASSERT_TRUE(Settle(claim, {}, {{claim.events[0].id, "422"}}));
  for (int64_t number = 2; number < 7; ++number) {
    Append step = dead.Of(number, Attached{}, now());
    step.events = {AuthCompletedEvent(dead.id, dead.kind, absl::Seconds(number), now())};
    ASSERT_TRUE(Add(step));
  }
  const TestFlow well = StartIn(invocation);
  const auto next = ClaimOne("me", 2);
  ASSERT_NE(next, std::nullopt);
  EXPECT_THAT(FlowsOf(*next), ElementsAre(well.id.ToString()));
}

TEST_P(OutboxTest, ADeadEventOutsideOfAFlowTakesNothingWithIt) {
  const v1::Invocation base = BaseOf(NewId());
  ASSERT_TRUE(Invoke(base));
  ASSERT_TRUE(Complete(base));
  const auto claim = *ClaimOne();
  ASSERT_TRUE(Settle(claim, {}, {{claim.events[0].id, "400"}}));
  EXPECT_EQ(Stats().dead, 1);
  EXPECT_THAT(ClaimOne()->events, SizeIs(1));
}

TEST_P(OutboxTest, StatsCountWhatWaits) {
  EXPECT_EQ(Stats().pending, 0);
  EXPECT_EQ(Stats().oldest_pending, std::nullopt);
  const absl::Time first = now();
  StartIn(NewId());
  clock_.Advance(absl::Seconds(10));
  StartIn(NewId());
  EXPECT_EQ(Stats().pending, 2);
  EXPECT_EQ(Stats().oldest_pending, first);
  const auto claim = *ClaimOne();
  EXPECT_EQ(Stats().pending, 2) << "claimed is not delivered";
  ASSERT_TRUE(Settle(claim, {claim.events[0].id}));
  EXPECT_EQ(Stats().pending, 1);
  EXPECT_EQ(Stats().oldest_pending, first + absl::Seconds(10));
}

TEST_P(OutboxTest, WhoWaitsIsWokenForEachProductThatGrew) {
  absl::Mutex mutex;
  std::vector<std::string> woken;
  outbox().OnAdded([&](const std::string& product) {
    absl::MutexLock lock(&mutex);
    woken.push_back(product);
  });
  const TestFlow flow;
  Start(flow);
  ASSERT_TRUE(Add(flow, 2, Attached{}));
  EXPECT_FALSE(Add(EndOf(flow, 2)));
  ASSERT_TRUE(Invoke(OptedOut(NewId())));
  {
    absl::MutexLock lock(&mutex);
    EXPECT_THAT(woken, ElementsAre(kProduct)) << "no event, a lost entry, an opted-out event: no wake-up";
  }
  ASSERT_TRUE(Invoke(BaseOf(NewId())));
  absl::MutexLock lock(&mutex);
  EXPECT_THAT(woken, ElementsAre(kProduct, kProduct));
}

TEST_P(OutboxTest, EveryEventIsDeliveredOnceByManyClaimers) {
  constexpr int kEvents = 200;
  AtOnce(8, [&](int) {
    for (int i = 0; i < kEvents / 8; ++i) StartIn(NewId());
  });
  absl::Mutex mutex;
  std::multiset<int64_t> delivered;
  AtOnce(8, [&](int worker) {
    while (const auto claim = ClaimOne("worker " + std::to_string(worker), 3)) {
      std::vector<int64_t> ids;
      for (const auto& event : claim->events) ids.push_back(event.id);
      if (!Settle(*claim, ids)) continue;
      absl::MutexLock lock(&mutex);
      delivered.insert(ids.begin(), ids.end());
    }
  });
  EXPECT_THAT(delivered, SizeIs(kEvents));
  EXPECT_THAT(std::set<int64_t>(delivered.begin(), delivered.end()), SizeIs(kEvents));
  EXPECT_EQ(Stats().pending, 0);
}

}  // namespace
}  // namespace authflow
