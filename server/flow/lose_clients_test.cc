#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "server/flow/testing_world.h"
#include "server/flow/use_cases.h"

namespace authflow {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

TEST(DeparturesTest, ADepartureIsDueOnceWhenItsGraceHasPassed) {
  Departures departures(GraceOptions{});
  departures.Broke({.attachment = 2, .length = 3}, 5, kStart);
  EXPECT_THAT(departures.TakeDue(kStart + absl::Seconds(59), 10), IsEmpty());
  const auto due = departures.TakeDue(kStart + absl::Seconds(60), 10);
  ASSERT_THAT(due, SizeIs(1));
  EXPECT_EQ(due[0].attachment, 2);
  EXPECT_EQ(due[0].length, 3);
  EXPECT_THAT(departures.TakeDue(kStart + absl::Hours(1), 10), IsEmpty());
}

TEST(DeparturesTest, DeparturesAreTakenALimitedNumberAtATime) {
  Departures departures(GraceOptions{});
  for (int i = 0; i < 5; ++i) departures.Broke({}, 100, kStart);
  EXPECT_THAT(departures.TakeDue(kStart + absl::Minutes(1), 3), SizeIs(3));
  EXPECT_THAT(departures.TakeDue(kStart + absl::Minutes(1), 3), SizeIs(2));
}

TEST(DeparturesTest, WhenMostWatchesBreakAtOnceAllGraceStandsStillForAMinute) {
  Departures departures(GraceOptions{});
  departures.Broke({}, 30, kStart - absl::Seconds(30));
  size_t open = 20;
  for (int i = 0; i < 10; ++i) departures.Broke({}, --open, kStart);
  EXPECT_EQ(departures.rests(), 0) << "ten of twenty are not more than half";
  departures.Broke({}, --open, kStart + absl::Seconds(4));
  EXPECT_EQ(departures.rests(), 1);
  EXPECT_THAT(departures.TakeDue(kStart + absl::Seconds(89), 100), IsEmpty());
  EXPECT_THAT(departures.TakeDue(kStart + absl::Seconds(90), 100), SizeIs(1)) << "had thirty seconds left";
  departures.Broke({}, 30, kStart + absl::Seconds(120));
  EXPECT_THAT(departures.TakeDue(kStart + absl::Seconds(124), 100), SizeIs(11));
  EXPECT_THAT(departures.TakeDue(kStart + absl::Seconds(180), 100), SizeIs(1)) << "broke after the rest";
}

TEST(DeparturesTest, AFewWatchesAreNoCrowd) {
  Departures departures(GraceOptions{});
  for (size_t open = 9; open > 0; --open) departures.Broke({}, open - 1, kStart);
  EXPECT_EQ(departures.rests(), 0);
}

TEST(DeparturesTest, BreaksThatAreFarApartAreNoCrowd) {
  Departures departures(GraceOptions{});
  for (int i = 0; i < 30; ++i) departures.Broke({}, 0, kStart + i * absl::Seconds(1));
  EXPECT_EQ(departures.rests(), 0);
}

class LoseClientsTest : public testing::Test {
 protected:
  Attachment Watch(const OpenedFlow& flow) {
    return *Wait(WatchFlow(w.world, w.Token(flow), [] {}));
  }
  int Lose() { return Wait(LoseClients(w.world, 100)); }
  std::optional<Outcome> OutcomeOf(const OpenedFlow& flow) { return w.Now(flow).outcome; }

  TestingWorld w;
  const Outcome lost = Aborted{v1::ABORT_REASON_CLIENT_LOST};
};

TEST_F(LoseClientsTest, AClientThatDoesNotComeBackEndsItsFlow) {
  const OpenedFlow flow = w.Started();
  Watch(flow);
  w.clock.Advance(absl::Seconds(59));
  EXPECT_EQ(Lose(), 0);
  w.clock.Advance(absl::Seconds(1));
  EXPECT_EQ(Lose(), 1);
  EXPECT_EQ(OutcomeOf(flow), lost);
}

TEST_F(LoseClientsTest, AnOpenWatchIsAClient) {
  const OpenedFlow flow = w.Started();
  const Attachment watch = Watch(flow);
  w.clock.Advance(absl::Minutes(5));
  EXPECT_EQ(Lose(), 0);
}

TEST_F(LoseClientsTest, AClientThatComesBackStays) {
  const OpenedFlow flow = w.Started();
  Watch(flow);
  w.clock.Advance(absl::Seconds(30));
  std::optional<Attachment> again = Watch(flow);
  w.clock.Advance(absl::Seconds(30));
  EXPECT_EQ(Lose(), 1);
  EXPECT_EQ(OutcomeOf(flow), std::nullopt);
  again.reset();
  w.clock.Advance(absl::Seconds(60));
  Lose();
  EXPECT_EQ(OutcomeOf(flow), lost);
}

TEST_F(LoseClientsTest, ASignOfLifeIsWorthAnotherGrace) {
  const OpenedFlow flow = w.Started();
  Watch(flow);
  w.clock.Advance(absl::Seconds(30));
  ASSERT_TRUE(w.Step(flow, v1::STEP_BROWSER_WAIT).ok());
  w.clock.Advance(absl::Seconds(30));
  EXPECT_EQ(Lose(), 1);
  EXPECT_EQ(OutcomeOf(flow), std::nullopt);
  w.clock.Advance(absl::Seconds(60));
  EXPECT_EQ(Lose(), 1);
  EXPECT_EQ(OutcomeOf(flow), lost);
}

TEST_F(LoseClientsTest, ARunningExchangeIsWaitedFor) {
  const OpenedFlow flow = w.Started();
  Watch(flow);
  w.clock.Advance(absl::Seconds(50));
  w.provider->Hold();
  std::thread caller([&] { (void)w.Exchange(flow, "c1"); });
  w.provider->WaitForPosts(1);
  w.clock.Advance(absl::Seconds(10));
  EXPECT_EQ(Lose(), 1);
  EXPECT_EQ(OutcomeOf(flow), std::nullopt);
  w.provider->Release();
  caller.join();
  w.clock.Advance(absl::Seconds(60));
  EXPECT_EQ(Lose(), 1);
  EXPECT_EQ(OutcomeOf(flow), std::nullopt) << "the exchange moved it on";
  w.clock.Advance(absl::Seconds(60));
  EXPECT_EQ(Lose(), 1);
  EXPECT_EQ(OutcomeOf(flow), lost);
}

TEST_F(LoseClientsTest, TroubleIsTheLastWordOfAClientThatWentAway) {
  w.provider->redeems = Refusal(v1::ERROR_CLASS_CODE_REFUSED, "no");
  const OpenedFlow flow = w.Started();
  ASSERT_TRUE(w.Step(flow, v1::STEP_BROWSER_WAIT).ok());
  EXPECT_FALSE(w.Exchange(flow, "c1").ok());
  Watch(flow);
  w.clock.Advance(absl::Seconds(60));
  EXPECT_EQ(Lose(), 1);
  EXPECT_EQ(OutcomeOf(flow), Outcome(Failed{v1::ERROR_CLASS_CODE_REFUSED}));
}

TEST_F(LoseClientsTest, NoClientIsLostByOurOwnDrain) {
  const OpenedFlow flow = w.Started();
  std::optional<Attachment> watch = Watch(flow);
  w.watches.Drain();
  watch.reset();
  w.clock.Advance(absl::Minutes(5));
  EXPECT_EQ(Lose(), 0);
}

TEST_F(LoseClientsTest, AReplacedWatchIsNoDeparture) {
  const OpenedFlow flow = w.Started();
  std::optional<Attachment> older = Watch(flow);
  const Attachment newer = Watch(flow);
  older.reset();
  w.clock.Advance(absl::Minutes(5));
  EXPECT_EQ(Lose(), 0);
}

TEST_F(LoseClientsTest, AnEndedFlowStaysAsItEnded) {
  const OpenedFlow flow = w.Started();
  Watch(flow);
  ASSERT_TRUE(w.Finish(flow, Aborted{v1::ABORT_REASON_USER_CANCELLED}).ok());
  w.clock.Advance(absl::Seconds(60));
  EXPECT_EQ(Lose(), 1);
  EXPECT_EQ(OutcomeOf(flow), Outcome(Aborted{v1::ABORT_REASON_USER_CANCELLED}));
  EXPECT_EQ(Lose(), 0);
}

}  // namespace
}  // namespace authflow
