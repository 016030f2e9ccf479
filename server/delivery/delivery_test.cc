#include "server/delivery/delivery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/thread_pool.hpp>
#include <optional>
#include <thread>

#include "server/base/text.h"
#include "server/delivery/fake_outbox.h"
#include "server/delivery/fake_sink.h"

namespace authflow {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using testing::UnorderedElementsAre;
using Result = Delivery::Result;

v1::FunnelEvent Event(const std::string& id, const std::string& flow_id = "") {
  v1::FunnelEvent event;
  event.set_message_id(id);
  event.set_flow_id(flow_id);
  event.mutable_command_invoked();
  return event;
}

std::vector<v1::FunnelEvent> Events(const std::string& prefix, int count) {
  std::vector<v1::FunnelEvent> events;
  for (int i = 1; i <= count; ++i) events.push_back(Event(Cat(prefix, i)));
  return events;
}

class Observed final : public DeliveryObserver {
 public:
  void OnDelivery(const std::string& product, const std::string&, const std::string& result, const std::string& reason,
                  int events, absl::Duration) override {
    absl::MutexLock lock(&mutex_);
    lines_.push_back(Cat(product, " ", result, " ", reason, " ", events));
  }
  std::vector<std::string> lines() {
    absl::MutexLock lock(&mutex_);
    return lines_;
  }

 private:
  absl::Mutex mutex_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mutex_);
};

// Two products, "a" and "b", each with its fake sink.
class DeliveryTest : public testing::Test {
 protected:
  void Start(DeliveryOptions options = {}) {
    absl::flat_hash_map<std::string, std::shared_ptr<Sink>> sinks = {{"a", a_}, {"b", b_}};
    loop_.emplace(outbox_, clock_, keys_, std::move(sinks), &observed_, pool_.get_executor(), options);
    loop_->Start();
  }

  void TearDown() override {
    a_->Release();
    b_->Release();
    if (loop_) {
      EXPECT_TRUE(loop_->Stop(absl::Seconds(20)));
    }
    loop_.reset();
    pool_.join();
    // No frame is left that holds its sink.
    EXPECT_EQ(a_.use_count(), 1);
    EXPECT_EQ(b_.use_count(), 1);
  }

  // Lets the lanes that were put off be tried again.
  void PassBackoff() {
    clock_.Advance(absl::Minutes(5));
    outbox_.Wake("a");
  }

  FakeClock clock_{absl::FromUnixSeconds(1'795'500'000)};
  FakeOutbox outbox_;
  const Keys keys_{{Secret(std::string(32, 'k'))}};
  Observed observed_;
  const std::shared_ptr<FakeSink> a_ = std::make_shared<FakeSink>();
  const std::shared_ptr<FakeSink> b_ = std::make_shared<FakeSink>();
  boost::asio::thread_pool pool_{2};
  std::optional<DeliveryLoop> loop_;
};

TEST_F(DeliveryTest, EventsOfALaneArriveInOrderInBatchesOfAtMost250) {
  outbox_.Add("a", 1, Events("e", 600));
  Start();
  ASSERT_TRUE(outbox_.WaitUntilEmpty("a"));
  const auto requests = a_->requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].size(), 250u);
  EXPECT_EQ(requests[2].size(), 100u);
  std::vector<std::string> expected;
  for (int i = 1; i <= 600; ++i) expected.push_back(Cat("e", i));
  EXPECT_EQ(a_->delivered(), expected);
}

TEST_F(DeliveryTest, ACommitWakesTheLoop) {
  DeliveryOptions options;
  options.poll = absl::Hours(1);
  Start(options);
  for (int i = 1; i <= 50; ++i) {
    outbox_.Add("a", i % 5, {Event(Cat("e", i))});
    ASSERT_TRUE(outbox_.WaitUntilEmpty("a")) << i;
  }
}

// However often commits announce more, until the time to gather is over, or the loop stops.
TEST_F(DeliveryTest, BatchesThatAreNotFullLeaveTimeToGather) {
  DeliveryOptions options;
  options.gather = absl::Hours(1);
  Start(options);
  outbox_.Add("a", 1, {Event("first")});
  ASSERT_TRUE(outbox_.WaitForSettlements(1));
  for (int i = 0; i < 100; ++i) outbox_.Add("a", i % 5, {Event(Cat("later", i))});
  outbox_.Add("b", 1, {Event("of another product")});
  ASSERT_TRUE(outbox_.WaitUntilEmpty("b"));
  EXPECT_TRUE(loop_->Stop(absl::Seconds(20)));
  EXPECT_THAT(a_->delivered(), ElementsAre("first"));
}

TEST_F(DeliveryTest, AFullBatchIsFollowedByTheNextAtOnce) {
  DeliveryOptions options;
  options.gather = absl::Hours(1);
  options.max_events = 10;
  Start(options);
  outbox_.Add("a", 1, Events("e", 100));
  ASSERT_TRUE(outbox_.WaitUntilEmpty("a"));
}

// Of two places one is taken by a request that hangs.
TEST_F(DeliveryTest, AnEventDoesNotWaitToGatherBecauseAnotherLaneHangs) {
  DeliveryOptions options;
  options.gather = absl::Hours(1);
  options.lanes_in_flight = 2;
  options.max_events = 2;
  a_->Hang();
  Start(options);
  outbox_.Add("a", 1, Events("hangs", 2));
  ASSERT_TRUE(a_->WaitForRequests(1));
  a_->HangNoMore();
  for (int i = 2; i <= 10; ++i) {
    outbox_.Add("a", i, {Event(Cat("e", i))});
    ASSERT_TRUE(outbox_.WaitForSettlements(i - 1)) << i;
  }
}

TEST_F(DeliveryTest, AfterALostAnswerTheSameMessageIdsComeAgainInTheSameOrder) {
  a_->Script({{.result = Result::kRetry, .reason = "timeout"}, {.result = Result::kRetry, .reason = "503"}});
  outbox_.Add("a", 1, Events("e", 3));
  Start();
  ASSERT_TRUE(outbox_.WaitForSettlements(1));
  PassBackoff();
  ASSERT_TRUE(outbox_.WaitForSettlements(2));
  PassBackoff();
  ASSERT_TRUE(outbox_.WaitUntilEmpty("a"));
  EXPECT_THAT(a_->requests(), ElementsAre(FakeSink::Batch{"e1", "e2", "e3"}, FakeSink::Batch{"e1", "e2", "e3"},
                                          FakeSink::Batch{"e1", "e2", "e3"}));
  EXPECT_THAT(observed_.lines(), ElementsAre("a retry timeout 3", "a retry 503 3", "a delivered  3"));
}

TEST_F(DeliveryTest, ARetryPutsItsLaneOffAndNoOther) {
  a_->Script({{.result = Result::kRetry, .reason = "500"}});
  outbox_.Add("a", 1, {Event("e1")});
  Start();
  ASSERT_TRUE(outbox_.WaitForSettlements(1));
  outbox_.Add("a", 2, {Event("e2")});
  ASSERT_TRUE(a_->WaitForRequests(2));
  EXPECT_THAT(a_->requests()[1], ElementsAre("e2"));
  const absl::Duration rest = outbox_.not_before("a", 1) - clock_.Now();
  EXPECT_GE(rest, absl::ZeroDuration());
  EXPECT_LE(rest, absl::Milliseconds(500));
}

TEST_F(DeliveryTest, RetryAfterIsObeyed) {
  a_->Script({{.result = Result::kRetry, .reason = "429", .retry_after = absl::Seconds(90)}});
  outbox_.Add("a", 1, {Event("e1")});
  Start();
  ASSERT_TRUE(outbox_.WaitForSettlements(1));
  EXPECT_EQ(outbox_.not_before("a", 1), clock_.Now() + absl::Seconds(90));
}

TEST_F(DeliveryTest, TheLoopTriesAPutOffLaneAgainByItself) {
  // The only test with the system's clock: half a second of backoff at most.
  SystemClock clock;
  auto sink = std::make_shared<FakeSink>();
  sink->Script({{.result = Result::kRetry, .reason = "500"}});
  FakeOutbox outbox;
  DeliveryOptions options;
  options.poll = absl::Hours(1);
  DeliveryLoop loop(outbox, clock, keys_, {{"c", sink}}, nullptr, pool_.get_executor(), options);
  loop.Start();
  outbox.Add("c", 1, {Event("e1")});
  EXPECT_TRUE(outbox.WaitUntilEmpty("c"));
  EXPECT_TRUE(loop.Stop(absl::Seconds(20)));
}

TEST_F(DeliveryTest, ARefusedEventIsParkedWithWhatFollowsItInItsFlow) {
  a_->Refuse({"f1-started"}, "400");
  outbox_.Add("a", 1,
              {Event("invoked"), Event("f1-started", "f1"), Event("f2-started", "f2"), Event("f1-ended", "f1"),
               Event("f2-ended", "f2"), Event("completed")});
  Start();
  ASSERT_TRUE(outbox_.WaitUntilEmpty("a"));
  EXPECT_THAT(a_->delivered(), ElementsAre("invoked", "f2-started", "f2-ended", "completed"));
  using Dead = FakeOutbox::Dead;
  EXPECT_THAT(outbox_.dead(), ElementsAre(Dead{"f1-started", "400"}, Dead{"f1-ended", "parked"}));
  EXPECT_THAT(observed_.lines(), ElementsAre("a refused 400 6", "a delivered  1", "a dead 400 1", "a delivered  1",
                                             "a delivered  1", "a delivered  1"));
}

TEST_F(DeliveryTest, OutsideAFlowNothingFollowsARefusedEvent) {
  a_->Refuse({"e1", "e3"}, "422");
  outbox_.Add("a", 1, Events("e", 4));
  Start();
  ASSERT_TRUE(outbox_.WaitUntilEmpty("a"));
  EXPECT_THAT(a_->delivered(), ElementsAre("e2", "e4"));
  using Dead = FakeOutbox::Dead;
  EXPECT_THAT(outbox_.dead(), ElementsAre(Dead{"e1", "422"}, Dead{"e3", "422"}));
}

TEST_F(DeliveryTest, ARefusedEventThatCameAloneIsNotAskedTwice) {
  a_->Refuse({"e1"}, "413");
  outbox_.Add("a", 1, {Event("e1")});
  Start();
  ASSERT_TRUE(outbox_.WaitUntilEmpty("a"));
  EXPECT_EQ(a_->requests().size(), 1u);
  EXPECT_THAT(observed_.lines(), ElementsAre("a dead 413 1"));
}

TEST_F(DeliveryTest, IsolationThatMeetsAnOutageGoesOnWhereItWas) {
  // The batch is refused, e1 delivered, then the sink is away.
  a_->Script({{.result = Result::kRefused, .reason = "400"},
              {.result = Result::kDelivered},
              {.result = Result::kRetry, .reason = "503"}});
  a_->Refuse({"e2"}, "400");
  outbox_.Add("a", 1, Events("e", 3));
  Start();
  ASSERT_TRUE(outbox_.WaitForSettlements(1));
  PassBackoff();
  ASSERT_TRUE(outbox_.WaitUntilEmpty("a"));
  EXPECT_THAT(a_->requests(), ElementsAre(FakeSink::Batch{"e1", "e2", "e3"}, FakeSink::Batch{"e1"},
                                          FakeSink::Batch{"e2"}, FakeSink::Batch{"e2"}, FakeSink::Batch{"e3"}));
  EXPECT_THAT(outbox_.dead(), ElementsAre(FakeOutbox::Dead{"e2", "400"}));
  // Later batches go together again.
  outbox_.Add("a", 1, Events("later", 2));
  ASSERT_TRUE(outbox_.WaitUntilEmpty("a"));
  EXPECT_THAT(a_->requests().back(), ElementsAre("later1", "later2"));
}

TEST_F(DeliveryTest, AnOutageIsAnAlarmAndNeverADeadLetter) {
  const std::vector<std::string> statuses = {"401", "403", "404", "401", "401", "401", "401", "401", "401", "401"};
  for (const auto& status : statuses) a_->Script({{.result = Result::kOutage, .reason = status}});
  outbox_.Add("a", 1, {Event("e1")});
  Start();
  for (size_t i = 1; i <= statuses.size(); ++i) {
    ASSERT_TRUE(outbox_.WaitForSettlements(static_cast<int>(i)));
    EXPECT_LE(outbox_.not_before("a", 1) - clock_.Now(), absl::Seconds(60));
    PassBackoff();
  }
  ASSERT_TRUE(outbox_.WaitUntilEmpty("a"));
  EXPECT_TRUE(outbox_.dead().empty());
  EXPECT_THAT(a_->delivered(), ElementsAre("e1"));
  EXPECT_THAT(observed_.lines(), Contains("a outage 401 1"));
  EXPECT_THAT(observed_.lines(), Contains("a outage 404 1"));
}

TEST_F(DeliveryTest, AHangingSinkOfOneProductDoesNotStarveAnother) {
  a_->Hang();
  for (int lane = 0; lane < kLanes; ++lane) outbox_.Add("a", lane, {Event(Cat("a", lane))});
  Start();
  ASSERT_TRUE(a_->WaitForRequests(8));
  for (int lane = 0; lane < kLanes; ++lane) outbox_.Add("b", lane, {Event(Cat("b", lane))});
  EXPECT_TRUE(outbox_.WaitUntilEmpty("b"));
  EXPECT_EQ(a_->requests().size(), 8u) << "no more than eight lanes of a product are in flight";
  a_->Release();
  EXPECT_TRUE(outbox_.WaitUntilEmpty("a"));
}

TEST_F(DeliveryTest, AHangingLaneDoesNotStopTheOthersOfItsProduct) {
  a_->Hang();
  outbox_.Add("a", 1, {Event("slow")});
  Start();
  ASSERT_TRUE(a_->WaitForRequests(1));
  outbox_.Add("a", 1, {Event("behind")});
  outbox_.Add("a", 2, {Event("beside")});
  ASSERT_TRUE(a_->WaitForRequests(2));
  EXPECT_THAT(a_->requests(), ElementsAre(FakeSink::Batch{"slow"}, FakeSink::Batch{"beside"}));
}

TEST_F(DeliveryTest, ALeaseIsLongerThanTheSinksTimeout) {
  outbox_.Add("a", 1, {Event("e1")});
  Start();
  ASSERT_TRUE(outbox_.WaitUntilEmpty("a"));
  EXPECT_GT(outbox_.longest_lease(), a_->timeout());
}

TEST_F(DeliveryTest, AnotherHoldersLaneIsLeftAloneUntilItsLeaseEnds) {
  outbox_.TakeLease("a", 1, clock_.Now() + absl::Minutes(1));
  outbox_.Add("a", 1, {Event("theirs")});
  outbox_.Add("a", 2, {Event("ours")});
  Start();
  ASSERT_TRUE(outbox_.WaitForSettlements(1));
  EXPECT_THAT(a_->delivered(), ElementsAre("ours"));
  PassBackoff();
  ASSERT_TRUE(outbox_.WaitUntilEmpty("a"));
  EXPECT_THAT(a_->delivered(), ElementsAre("ours", "theirs"));
}

TEST_F(DeliveryTest, StopWaitsForWhatIsInFlightAndClaimsNothingMore) {
  a_->Hang();
  outbox_.Add("a", 1, {Event("e1")});
  Start();
  ASSERT_TRUE(a_->WaitForRequests(1));
  bool stopped = false;
  std::thread stopping([&] { stopped = loop_->Stop(absl::Seconds(20)); });
  outbox_.Add("a", 1, {Event("e2")});
  a_->Release();
  stopping.join();
  EXPECT_TRUE(stopped);
  EXPECT_THAT(a_->delivered(), Contains("e1"));
  EXPECT_FALSE(outbox_.leased("a", 1));
  const int settlements = outbox_.settlements();
  outbox_.Add("a", 3, {Event("e3")});
  EXPECT_EQ(outbox_.settlements(), settlements);
  EXPECT_THAT(a_->delivered(), Not(Contains("e3")));
}

TEST_F(DeliveryTest, StopGivesUpTheLeasesOfWhatStillHangs) {
  a_->Hang();
  outbox_.Add("a", 1, {Event("e1")});
  outbox_.Add("a", 2, {Event("e2")});
  Start();
  ASSERT_TRUE(a_->WaitForRequests(2));
  EXPECT_FALSE(loop_->Stop(absl::ZeroDuration()));
  EXPECT_FALSE(outbox_.leased("a", 1));
  EXPECT_FALSE(outbox_.leased("a", 2));
  // The frames end with the sink's answers, and touch the outbox no more: it may be gone.
  const int settlements = outbox_.settlements();
  a_->Release();
  EXPECT_TRUE(loop_->Stop(absl::Seconds(20)));
  EXPECT_EQ(outbox_.settlements(), settlements);
}

TEST_F(DeliveryTest, WhatIsDeliveredIsSettledThroughTroubleOfTheStore) {
  outbox_.FailSettles(2);
  outbox_.Add("a", 1, {Event("e1")});
  Start();
  ASSERT_TRUE(outbox_.WaitUntilEmpty("a"));
  EXPECT_EQ(a_->requests().size(), 1u) << "not sent again";
}

TEST_F(DeliveryTest, TroubleOfTheStoreIsSurvived) {
  outbox_.FailClaims(3);
  outbox_.Add("a", 1, {Event("e1")});
  Start();
  EXPECT_TRUE(outbox_.WaitUntilEmpty("a"));
}

TEST_F(DeliveryTest, WhatCannotBeSentIsDeadWithoutAskingTheSink) {
  v1::FunnelEvent nothing;
  nothing.set_message_id("newer");
  outbox_.Add("a", 1, {nothing, Event("e1")});
  Start();
  ASSERT_TRUE(outbox_.WaitUntilEmpty("a"));
  EXPECT_THAT(a_->delivered(), ElementsAre("e1"));
  EXPECT_THAT(outbox_.dead(), ElementsAre(FakeOutbox::Dead{"newer", "unknown_event"}));
  EXPECT_THAT(observed_.lines(), UnorderedElementsAre("a dead unknown_event 1", "a delivered  1"));
}

}  // namespace
}  // namespace authflow
