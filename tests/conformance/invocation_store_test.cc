// What is stored of invocations: numbering, users, milestones, consent - over every kind of storage.
#include <atomic>
#include <map>
#include <set>

#include "tests/conformance/store_test.h"

namespace authflow {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class FunnelStoreTest : public StoreTest {
 protected:
  std::optional<InvocationRow> Row(const InvocationId& id) {
    auto row = Wait(invocations().LoadInvocation(kProduct, id));
    EXPECT_TRUE(row.ok()) << row.status();
    return row.ok() ? *std::move(row) : std::nullopt;
  }
  bool Logout(const v1::Invocation& base) {
    return Pass(base, Milestone::kLoggedOut, AuthLogoutEvent("fingerprint", now()));
  }
};
INSTANTIATE_TEST_SUITE_P(All, FunnelStoreTest, testing::ValuesIn(StorageKinds()), StorageName);

TEST_P(FunnelStoreTest, AnEventIsCompleteWhenItIsClaimed) {
  const TestFlow flow;
  Append start = StartOf(flow);
  start.invocation->set_user_id("before");
  start.events[0].time = absl::FromUnixMicros(1700000000000001);
  ASSERT_TRUE(Add(start));
  const auto events = Drain();
  ASSERT_THAT(events, SizeIs(1));
  const v1::FunnelEvent& event = events[0];
  EXPECT_EQ(event.message_id(), start.events[0].message_id.ToString());
  EXPECT_EQ(event.time().seconds(), 1700000000);
  EXPECT_EQ(event.time().nanos(), 1000);
  EXPECT_EQ(event.sequence(), 1);
  EXPECT_EQ(event.user_id(), "before");
  EXPECT_EQ(event.flow_id(), flow.id.ToString());
  EXPECT_EQ(event.auth_started().flow(), v1::FLOW_KIND_LOGIN);
  EXPECT_EQ(event.invocation().SerializeAsString(), start.invocation->SerializeAsString());
}

TEST_P(FunnelStoreTest, EventsAreNumberedInCommitOrderAndAnIdentifyTakesNoNumber) {
  const TestFlow flow;
  ASSERT_TRUE(Invoke(BaseOf(flow.invocation)));
  Start(flow);
  Append exchanged = flow.Of(2, Exchanged{.user_id = "u1", .owner = "o"}, now());
  exchanged.learned_user_id = "u1";
  exchanged.events = {IdentifyEvent(flow.id, 2, "sealed", now())};
  ASSERT_TRUE(Add(exchanged));
  ASSERT_TRUE(Add(EndOf(flow, 3)));
  ASSERT_TRUE(Complete(BaseOf(flow.invocation)));

  const auto events = Drain();
  std::vector<int64_t> numbers;
  std::vector<std::string> users;
  std::vector<int> cases;
  for (const auto& event : events) {
    numbers.push_back(event.sequence());
    users.push_back(event.user_id());
    cases.push_back(event.event_case());
  }
  using Event = v1::FunnelEvent;
  EXPECT_THAT(cases, ElementsAre(Event::kCommandInvoked, Event::kAuthStarted, Event::kIdentify, Event::kAuthCompleted,
                                 Event::kCommandCompleted));
  EXPECT_THAT(numbers, ElementsAre(1, 2, 0, 3, 4));
  EXPECT_THAT(users, ElementsAre("", "", "u1", "u1", "u1")) << "a user counts from the moment it is known";
  EXPECT_EQ(events[2].identify().sealed_traits(), "sealed");
}

TEST_P(FunnelStoreTest, NumbersHaveNoGapsUnder64ConcurrentWriters) {
  const InvocationId invocation = NewId();
  std::atomic<int> written = 0;
  AtOnce(64, [&](int writer) {
    if (writer < 8) written += Invoke(BaseOf(invocation));
    TestFlow flow;
    flow.invocation = invocation;
    written += Add(StartOf(flow));
    for (int64_t number = 2; number < 6; ++number) {
      Append step = flow.Of(number, Attached{}, now());
      step.events = {AuthCompletedEvent(flow.id, flow.kind, absl::Seconds(number), now())};
      written += Add(step);
    }
    if (writer < 8) written += Logout(BaseOf(invocation));
  });
  ASSERT_TRUE(Complete(BaseOf(invocation)));
  EXPECT_EQ(written, 64 * 5 + 1 + 1);

  int64_t expected = 0;
  for (const auto& event : Drain()) EXPECT_EQ(event.sequence(), ++expected) << "commit order is the order of the lane";
  EXPECT_EQ(expected, written + 1);
}

TEST_P(FunnelStoreTest, TheFirstCallsPropertiesHold) {
  const TestFlow flow;
  v1::Invocation first = BaseOf(flow.invocation);
  first.set_version("first");
  first.set_user_id("u1");
  ASSERT_TRUE(Invoke(first));
  Append start = StartOf(flow);
  start.invocation->set_version("second");
  start.invocation->set_user_id("u2");
  ASSERT_TRUE(Add(start));
  for (const auto& event : Drain()) {
    EXPECT_EQ(event.invocation().version(), "first");
    EXPECT_EQ(event.user_id(), "u1");
  }
  EXPECT_EQ(Row(flow.invocation)->base.version(), "first");
}

TEST_P(FunnelStoreTest, AMilestoneIsPassedOnce) {
  const v1::Invocation base = BaseOf(NewId());
  std::atomic<int> invoked = 0, completed = 0, logged_out = 0;
  AtOnce(16, [&](int) { invoked += Invoke(base); });
  AtOnce(16, [&](int) { logged_out += Logout(base); });
  AtOnce(16, [&](int) { completed += Complete(base); });
  EXPECT_EQ(invoked, 1);
  EXPECT_EQ(logged_out, 1);
  EXPECT_EQ(completed, 1);
  EXPECT_THAT(Drain(), SizeIs(3));
}

TEST_P(FunnelStoreTest, MilestonesAreRemembered) {
  const InvocationId id = NewId();
  EXPECT_EQ(Row(id), std::nullopt) << "never heard of";
  ASSERT_TRUE(Invoke(BaseOf(id)));
  EXPECT_TRUE(Row(id)->invoked);
  EXPECT_FALSE(Row(id)->completed);
  EXPECT_FALSE(Row(id)->logged_out);
  ASSERT_TRUE(Logout(BaseOf(id)));
  EXPECT_TRUE(Row(id)->logged_out);
  ASSERT_TRUE(Complete(BaseOf(id)));
  EXPECT_TRUE(Row(id)->completed);
  EXPECT_EQ(Row(id)->base.SerializeAsString(), BaseOf(id).SerializeAsString());
}

TEST_P(FunnelStoreTest, AnEndWithoutItsStartIsAnOrphan) {
  const TestFlow flow;
  EXPECT_FALSE(Complete(BaseOf(flow.invocation))) << "never heard of";
  EXPECT_EQ(Row(flow.invocation), std::nullopt);
  Start(flow);
  EXPECT_FALSE(Complete(BaseOf(flow.invocation))) << "a flow is no command";
  EXPECT_THAT(Drain(), SizeIs(1));
  ASSERT_TRUE(Invoke(BaseOf(flow.invocation)));
  EXPECT_TRUE(Complete(BaseOf(flow.invocation)));
}

TEST_P(FunnelStoreTest, ProductsShareNothing) {
  const InvocationId id = NewId();
  ASSERT_TRUE(Invoke(BaseOf(id)));
  EXPECT_EQ(*Wait(invocations().LoadInvocation("other", id)), std::nullopt);
  EXPECT_TRUE(*Wait(invocations().Pass("other", BaseOf(id), Milestone::kInvoked,
                                       CommandInvokedEvent("other", "anonymous", id, now()))));
  EXPECT_THAT(Drain(), SizeIs(1));
}

TEST_P(FunnelStoreTest, NothingOfAnOptedOutInvocationIsStored) {
  const TestFlow flow;
  v1::Invocation base = OptedOut(flow.invocation);
  base.set_user_id("u1");
  ASSERT_TRUE(Invoke(base));
  EXPECT_FALSE(Invoke(base)) << "the milestone was passed all the same";
  ASSERT_TRUE(Add(StartOf(flow))) << "a tracked flow of that invocation works";
  ASSERT_TRUE(Add(EndOf(flow, 2)));
  ASSERT_TRUE(Logout(base));
  ASSERT_TRUE(Complete(BaseOf(flow.invocation)));
  EXPECT_THAT(Drain(), IsEmpty());
  const auto row = Row(flow.invocation);
  v1::Invocation only_id;
  only_id.set_invocation_id(flow.invocation.ToString());
  only_id.set_do_not_track(true);
  EXPECT_EQ(row->base.SerializeAsString(), only_id.SerializeAsString());
  EXPECT_TRUE(row->invoked && row->completed && row->logged_out);
}

TEST_P(FunnelStoreTest, AnOptedOutFlowOptsItsInvocationOut) {
  const TestFlow flow;
  Append start = StartOf(flow);
  start.invocation = OptedOut(flow.invocation);
  start.events.clear();
  ASSERT_TRUE(Add(start));
  Append exchanged = flow.Of(2, Exchanged{.owner = "o"}, now());
  exchanged.learned_user_id = "u1";
  exchanged.events = {IdentifyEvent(flow.id, 2, "sealed", now())};
  ASSERT_TRUE(Add(exchanged));
  ASSERT_TRUE(Invoke(BaseOf(flow.invocation)));
  ASSERT_TRUE(Complete(BaseOf(flow.invocation)));
  EXPECT_THAT(Drain(), IsEmpty());
  EXPECT_TRUE(Row(flow.invocation)->base.do_not_track());
  EXPECT_EQ(Row(flow.invocation)->base.anonymous_id(), "");
}

TEST_P(FunnelStoreTest, AUserLearnedOutsideOfTheFunnelMakesNoInvocation) {
  const TestFlow flow;
  Append start = StartOf(flow);
  start.invocation.reset();
  start.events.clear();
  ASSERT_TRUE(Add(start));
  Append exchanged = flow.Of(2, Exchanged{.owner = "o"}, now());
  exchanged.learned_user_id = "u1";
  ASSERT_TRUE(Add(exchanged));
  EXPECT_EQ(Row(flow.invocation), std::nullopt);
}

TEST_P(FunnelStoreTest, AMalformedInvocationIdIsRefused) {
  v1::Invocation base = BaseOf(NewId());
  base.set_invocation_id("no uuid");
  const auto passed =
      Wait(invocations().Pass(kProduct, base, Milestone::kInvoked, CommandInvokedEvent(kProduct, "a", NewId(), now())));
  EXPECT_EQ(ClassOf(passed.status()), v1::ERROR_CLASS_INVALID_REQUEST);
}

}  // namespace
}  // namespace authflow
