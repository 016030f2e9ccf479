// A sign-in with a code that the person types in elsewhere: when the provider is asked, and what its answers do.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <thread>

#include "server/flow/testing_world.h"

namespace authflow {
namespace {

using State = DeviceAnswer::State;
using testing::ElementsAre;
using testing::IsEmpty;

class DeviceTest : public testing::Test {
 protected:
  using Answer = absl::StatusOr<std::optional<SignedIn>>;

  OpenedFlow InTheBrowserWait() {
    OpenedFlow flow = w_.Started();
    EXPECT_TRUE(w_.Step(flow, v1::STEP_BROWSER_WAIT).ok());
    return flow;
  }
  StartedDevice Device(const OpenedFlow& flow) {
    absl::StatusOr<StartedDevice> started = Wait(StartDevice(w_.world, w_.Token(flow)));
    EXPECT_TRUE(started.ok()) << started.status();
    return *std::move(started);
  }
  Answer Await(
      const OpenedFlow& flow, const StartedDevice& device, std::function<bool()> gone = [] { return false; }) {
    return Wait(AwaitDevice(w_.world, w_.Token(flow), device.device_code, std::move(gone)));
  }
  // Calls again until there is an answer.
  Answer Decided(const OpenedFlow& flow, const StartedDevice& device) {
    for (;;) {
      Answer answer = Await(flow, device);
      if (!answer.ok() || *answer) return answer;
    }
  }
  // Seconds from one poll to the next; the first from `start`.
  std::vector<int64_t> Gaps(absl::Time start) {
    std::vector<int64_t> gaps;
    for (const absl::Time at : w_.provider->poll_times()) {
      gaps.push_back(absl::ToInt64Seconds(at - start));
      start = at;
    }
    return gaps;
  }
  static ErrorClass Class(const Answer& answer) { return ClassOf(answer.status()); }

  TestingWorld w_;
};

TEST_F(DeviceTest, AnApprovedCodeSignsInWithinTheSameFlow) {
  const OpenedFlow flow = InTheBrowserWait();
  const StartedDevice device = Device(flow);
  EXPECT_EQ(device.user_code, "ABCD-EFGH");
  EXPECT_EQ(device.verification_uri, "https://id.example/device");
  EXPECT_EQ(device.lasts, absl::Minutes(5));
  w_.provider->Polls({State::kPending, State::kSignedIn});
  const Answer answer = Decided(flow, device);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ((*answer)->tokens.access_token.Reveal(), "access of device code 1");
  EXPECT_EQ((*answer)->identity.user_id, "user-1");
  EXPECT_TRUE(w_.Now(flow).exchanged());
  ASSERT_TRUE(w_.Finish(flow, Completed{}).ok());
  std::vector<std::string> events;
  for (const auto& event : w_.Events()) events.push_back(event.ShortDebugString());
  EXPECT_EQ(events.size(), 3u) << "started, identify, completed";
}

TEST_F(DeviceTest, TheProviderIsAskedAtItsInterval) {
  const OpenedFlow flow = InTheBrowserWait();
  const StartedDevice device = Device(flow);
  const absl::Time start = w_.clock.Now();
  w_.provider->Polls({State::kPending, State::kPending, State::kPending, State::kSignedIn});
  ASSERT_TRUE(Decided(flow, device).ok());
  EXPECT_THAT(Gaps(start), ElementsAre(5, 5, 5, 5));
}

TEST_F(DeviceTest, SlowDownMakesAllLaterWaitsFiveSecondsLonger) {
  const OpenedFlow flow = InTheBrowserWait();
  const StartedDevice device = Device(flow);
  const absl::Time start = w_.clock.Now();
  w_.provider->Polls({State::kSlowDown, State::kPending, State::kSlowDown, State::kPending, State::kSignedIn});
  ASSERT_TRUE(Decided(flow, device).ok());
  EXPECT_THAT(Gaps(start), ElementsAre(5, 10, 10, 15, 15));
}

TEST_F(DeviceTest, AProviderThatIsAwayIsAskedLessAndLessOften) {
  const OpenedFlow flow = InTheBrowserWait();
  const StartedDevice device = Device(flow);
  const absl::Time start = w_.clock.Now();
  w_.provider->Polls({State::kAway, State::kAway, State::kAway, State::kAway, State::kAway, State::kSignedIn});
  ASSERT_TRUE(Decided(flow, device).ok());
  EXPECT_THAT(Gaps(start), ElementsAre(5, 10, 20, 40, 60, 60));
}

TEST_F(DeviceTest, ACallIsHeldForTwentySeconds) {
  const OpenedFlow flow = InTheBrowserWait();
  const StartedDevice device = Device(flow);
  const absl::Time start = w_.clock.Now();
  const Answer answer = Await(flow, device);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_FALSE(*answer);
  EXPECT_EQ(w_.clock.Now() - start, absl::Seconds(20));
}

TEST_F(DeviceTest, WhenTheCallerHasGoneTheProviderIsAskedNoMore) {
  const OpenedFlow flow = InTheBrowserWait();
  const StartedDevice device = Device(flow);
  int polls = 0;
  const Answer answer = Await(flow, device, [&] { return ++polls > 2; });
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_FALSE(*answer);
  EXPECT_EQ(w_.provider->poll_times().size(), 2u);
}

TEST_F(DeviceTest, AServerThatStopsEndsTheCallAtOnce) {
  DevicePace stopping([](absl::Duration, Done<bool> woken) { woken(false); });
  const OpenedFlow flow = InTheBrowserWait();
  const StartedDevice device = Device(flow);
  World world{.clock = w_.clock,
              .keys = w_.keys,
              .flows = w_.storage->flows(),
              .invocations = w_.storage->invocations(),
              .observer = w_.observer,
              .products = w_.products,
              .cache = w_.cache,
              .watches = w_.watches,
              .exchanges = w_.exchanges,
              .refreshes = w_.refreshes,
              .device_pace = stopping,
              .executor = TestExecutor()};
  const Answer answer = Wait(AwaitDevice(world, w_.Token(flow), device.device_code, [] { return false; }));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_FALSE(*answer);
  EXPECT_THAT(w_.provider->poll_times(), IsEmpty());
}

TEST_F(DeviceTest, ADeniedSignInEndsTheFlowAndTheRepeatSaysTheSame) {
  const OpenedFlow flow = InTheBrowserWait();
  const StartedDevice device = Device(flow);
  w_.provider->Polls({State::kPending, Refusal(v1::ERROR_CLASS_DENIED, "no")});
  EXPECT_EQ(Class(Decided(flow, device)), v1::ERROR_CLASS_DENIED);
  EXPECT_EQ(Class(Decided(flow, device)), v1::ERROR_CLASS_DENIED);
  EXPECT_EQ(w_.Now(flow).outcome, authflow::Outcome(Aborted{v1::ABORT_REASON_DENIED}));
  EXPECT_EQ(w_.provider->poll_times().size(), 2u);
}

TEST_F(DeviceTest, AnExpiredCodeIsRefusedAndTheNextAttemptGetsAnother) {
  OpenedFlow flow = InTheBrowserWait();
  const StartedDevice device = Device(flow);
  EXPECT_EQ(Class(Decided(flow, device)), v1::ERROR_CLASS_CODE_REFUSED);
  EXPECT_EQ(w_.Now(flow).trouble, v1::ERROR_CLASS_CODE_REFUSED);
  EXPECT_FALSE(w_.Now(flow).outcome);
  const auto next = w_.Step(flow, v1::STEP_BROWSER_WAIT);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(next->flow->attempt, 2);
  EXPECT_EQ(Class(Await(flow, device)), v1::ERROR_CLASS_STATE_MISMATCH) << "of an earlier attempt";
  const StartedDevice another = Device(flow);
  w_.provider->Polls({State::kSignedIn});
  EXPECT_TRUE(Decided(flow, another).ok());
}

TEST_F(DeviceTest, TwoCallsAtOnceShareThePaceAndTheAnswer) {
  const OpenedFlow flow = InTheBrowserWait();
  const StartedDevice device = Device(flow);
  w_.provider->Polls({State::kSignedIn});
  w_.provider->Hold();
  Answer first = std::optional<SignedIn>();
  std::thread caller([&] { first = Await(flow, device); });
  w_.provider->WaitForPosts(1);
  Answer second = std::optional<SignedIn>();
  std::thread repeats([&] { second = Await(flow, device); });
  w_.provider->Release();
  caller.join();
  repeats.join();
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ((*first)->tokens.access_token.Reveal(), (*second)->tokens.access_token.Reveal());
  EXPECT_EQ(w_.provider->posted(), 1);
}

TEST_F(DeviceTest, TheAnswerIsRepeatedForAMinuteAndThenGone) {
  const OpenedFlow flow = InTheBrowserWait();
  const StartedDevice device = Device(flow);
  w_.provider->Polls({State::kSignedIn});
  const Answer first = Decided(flow, device);
  ASSERT_TRUE(first.ok()) << first.status();
  const Answer again = Await(flow, device);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*first)->tokens.access_token.Reveal(), (*again)->tokens.access_token.Reveal());
  w_.clock.Advance(absl::Seconds(61));
  EXPECT_EQ(Class(Await(flow, device)), v1::ERROR_CLASS_ANSWER_GONE);
  EXPECT_EQ(w_.provider->posted(), 1);
}

TEST_F(DeviceTest, TheFirstOfBrowserAndDeviceWins) {
  const OpenedFlow flow = InTheBrowserWait();
  const StartedDevice device = Device(flow);
  ASSERT_TRUE(w_.Exchange(flow, "c1").ok());
  EXPECT_EQ(Class(Await(flow, device)), v1::ERROR_CLASS_CODE_USED);
  EXPECT_THAT(w_.provider->poll_times(), IsEmpty());

  const OpenedFlow other = InTheBrowserWait();
  const StartedDevice first = Device(other);
  w_.provider->Polls({State::kSignedIn});
  ASSERT_TRUE(Decided(other, first).ok());
  EXPECT_EQ(ClassOf(w_.Exchange(other, "c2").status()), v1::ERROR_CLASS_CODE_USED);
}

TEST_F(DeviceTest, TokensForAFlowThatEndedMeanwhileAreGivenBack) {
  const OpenedFlow flow = InTheBrowserWait();
  const StartedDevice device = Device(flow);
  w_.provider->Polls({State::kSignedIn});
  w_.provider->Hold();
  Answer answer = std::optional<SignedIn>();
  std::thread caller([&] { answer = Await(flow, device); });
  w_.provider->WaitForPosts(1);
  ASSERT_TRUE(w_.Finish(flow, Aborted{v1::ABORT_REASON_USER_CANCELLED}).ok());
  w_.provider->Release();
  caller.join();
  EXPECT_EQ(Class(answer), v1::ERROR_CLASS_FLOW_FINISHED);
  EXPECT_THAT(w_.provider->revoked(), ElementsAre("access of device code 1"));
}

TEST_F(DeviceTest, AnotherReplicaGoesOnWithTheSealedCode) {
  const OpenedFlow flow = InTheBrowserWait();
  const StartedDevice device = Device(flow);
  TestingWorld second;
  World world{.clock = w_.clock,
              .keys = w_.keys,
              .flows = w_.storage->flows(),
              .invocations = w_.storage->invocations(),
              .observer = w_.observer,
              .products = w_.products,
              .cache = second.cache,
              .watches = second.watches,
              .exchanges = second.exchanges,
              .refreshes = second.refreshes,
              .device_pace = w_.device_pace,
              .executor = TestExecutor()};
  w_.provider->Polls({State::kSignedIn});
  const Answer answer = Wait(AwaitDevice(world, w_.Token(flow), device.device_code, [] { return false; }));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ((*answer)->tokens.access_token.Reveal(), "access of device code 1");
}

TEST_F(DeviceTest, ACodeOfAnotherFlowOrAForgedOneIsRefused) {
  const OpenedFlow flow = InTheBrowserWait();
  const StartedDevice device = Device(flow);
  const OpenedFlow other = InTheBrowserWait();
  EXPECT_EQ(Class(Await(other, device)), v1::ERROR_CLASS_STATE_MISMATCH);
  StartedDevice forged = device;
  forged.device_code = Secret("device code 1");
  EXPECT_EQ(Class(Await(flow, forged)), v1::ERROR_CLASS_STATE_MISMATCH);
  EXPECT_EQ(device.device_code.Reveal().find("device code"), std::string::npos);
}

TEST_F(DeviceTest, AProviderWithoutTheGrantRefusesAndTheBrowserGoesOn) {
  w_.provider->device_starts = Refusal(v1::ERROR_CLASS_DEVICE_GRANT_NOT_OFFERED, "no");
  const OpenedFlow flow = InTheBrowserWait();
  EXPECT_FALSE(flow.device_grant);
  EXPECT_EQ(ClassOf(Wait(StartDevice(w_.world, w_.Token(flow))).status()), v1::ERROR_CLASS_DEVICE_GRANT_NOT_OFFERED);
  EXPECT_TRUE(w_.Exchange(flow, "c1").ok());
}

TEST_F(DeviceTest, GivingUpAfterTheRefusalSaysWhy) {
  w_.provider->device_starts = Refusal(v1::ERROR_CLASS_DEVICE_GRANT_NOT_OFFERED, "no");
  const OpenedFlow flow = InTheBrowserWait();
  EXPECT_FALSE(Wait(StartDevice(w_.world, w_.Token(flow))).ok());
  const auto ended = w_.Finish(flow, Failed{v1::ERROR_CLASS_UNSPECIFIED});
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ((*ended)->outcome, authflow::Outcome(Failed{v1::ERROR_CLASS_DEVICE_GRANT_NOT_OFFERED}));
}

TEST_F(DeviceTest, ARefusedCodeIsNoEndOfAFlowThatGoesOnInTheBrowser) {
  const absl::Status refused = Refusal(v1::ERROR_CLASS_PROVIDER_CLIENT_REFUSED, "no");
  OpenedFlow flow = InTheBrowserWait();
  const StartedDevice device = Device(flow);
  w_.provider->device_starts = refused;
  EXPECT_FALSE(Wait(StartDevice(w_.world, w_.Token(flow))).ok());
  EXPECT_EQ(w_.Now(flow).way_closed, v1::ERROR_CLASS_PROVIDER_CLIENT_REFUSED);
  // Nor of the attempt: the page that is open keeps its state.
  EXPECT_EQ(w_.Step(flow, v1::STEP_BROWSER_WAIT)->flow->attempt, 1);
  // Refused as late as at the token endpoint.
  w_.provider->Polls({refused});
  EXPECT_EQ(Class(Decided(flow, device)), v1::ERROR_CLASS_PROVIDER_CLIENT_REFUSED);
  const Flow now = w_.Now(flow);
  EXPECT_FALSE(now.trouble);
  const auto lost = now.Next(LoseClient{.attachment = now.attachment, .length = now.length}, w_.clock.Now());
  ASSERT_TRUE(lost.ok()) << lost.status();
  EXPECT_EQ(std::get<Ended>((*lost)->what).outcome, authflow::Outcome(Aborted{v1::ABORT_REASON_CLIENT_LOST}));
  EXPECT_TRUE(w_.Exchange(flow, "c1").ok());
}

TEST_F(DeviceTest, ACodeIsAskedForOnlyInTheBrowserWait) {
  const OpenedFlow flow = w_.Started();
  EXPECT_TRUE(flow.device_grant);
  EXPECT_EQ(ClassOf(Wait(StartDevice(w_.world, w_.Token(flow))).status()), v1::ERROR_CLASS_STEP_NOT_ALLOWED);
  ASSERT_TRUE(w_.Finish(flow, Aborted{v1::ABORT_REASON_USER_CANCELLED}).ok());
  EXPECT_EQ(ClassOf(Wait(StartDevice(w_.world, w_.Token(flow))).status()), v1::ERROR_CLASS_FLOW_FINISHED);
}

}  // namespace
}  // namespace authflow
