#include "server/flow/flow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace authflow {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

Header TestHeader() {
  return Header{.id = {},
                .product = "tool",
                .kind = v1::FLOW_KIND_LOGIN,
                .invocation = {},
                .claimed_user_id = "",
                .redirect_uri = "http://127.0.0.1:1234/callback",
                .start = kStart,
                .expire = kStart + absl::Minutes(30),
                .browser_wait = absl::Minutes(10)};
}

// A flow, told as its log. Each word is one accepted proposal.
class FlowTest : public testing::Test {
 protected:
  Flow flow = Flow().With(Flow::Start(TestHeader()));
  absl::Time now = kStart + absl::Seconds(1);

  // Proposes and folds; fails the test if there is no entry.
  void Accept(const Proposal& proposal) {
    const auto next = flow.Next(proposal, now);
    ASSERT_TRUE(next.ok()) << next.status();
    ASSERT_TRUE(next->has_value());
    flow = flow.With(**next);
    now += absl::Seconds(1);
  }
  bool Already(const Proposal& proposal) const {
    const auto next = flow.Next(proposal, now);
    return next.ok() && !next->has_value();
  }
  ErrorClass Refused(const Proposal& proposal) const { return ClassOf(flow.Next(proposal, now).status()); }
  bool Holds(const Proposal& proposal) const {
    const auto next = flow.Next(proposal, now);
    return next.ok() && next->has_value();
  }

  Redeem Code(std::string code) const {
    return Redeem{.attempt = flow.attempt, .code = std::move(code), .until = now + absl::Seconds(30)};
  }
  // The provider said no to the code of that attempt.
  static Fail RefusedCode(int attempt) {
    return Fail{.error_class = v1::ERROR_CLASS_CODE_REFUSED, .attempt = attempt, .in_exchange = true};
  }
  void SignIn() {
    Accept(Enter{v1::STEP_BROWSER_WAIT});
    Accept(Code("c1"));
    Accept(Recognise{.user_id = "u", .owner = "o"});
  }
};

const std::vector<Proposal> kEveryProposal = {
    Attach{},
    Enter{v1::STEP_BROWSER_WAIT},
    Enter{.step = v1::STEP_APPS_FETCH, .by_server = true},
    Enter{v1::STEP_PROFILE_CONFIGURE},
    Redeem{.attempt = 1, .code = "x", .until = kStart + absl::Hours(1)},
    Recognise{"u", "o"},
    Fail{v1::ERROR_CLASS_PROVIDER_ERROR},
    Succeed{},
    Finish{Completed{}},
    Finish{Aborted{v1::ABORT_REASON_USER_CANCELLED}},
    Finish{Failed{v1::ERROR_CLASS_CLIENT_ERROR}},
    Expire{},
    LoseClient{},
};

TEST_F(FlowTest, NothingFollowsATerminalEntry) {
  for (const Outcome& outcome :
       std::vector<Outcome>{Completed{}, Aborted{v1::ABORT_REASON_DENIED}, Failed{v1::ERROR_CLASS_CODE_REFUSED}}) {
    flow = Flow().With(Flow::Start(TestHeader()));
    SignIn();
    Accept(Finish{outcome});
    for (const absl::Time when : {now, now + absl::Hours(24)}) {
      for (const Proposal& proposal : kEveryProposal) {
        const auto next = flow.Next(proposal, when);
        EXPECT_TRUE(!next.ok() || !next->has_value()) << proposal.index();
      }
    }
    EXPECT_EQ(*flow.outcome, outcome);
  }
}

TEST_F(FlowTest, ASecondFinishReturnsTheFirstOutcome) {
  Accept(Finish{Aborted{v1::ABORT_REASON_USER_CANCELLED}});
  EXPECT_TRUE(Already(Finish{Failed{v1::ERROR_CLASS_CLIENT_ERROR}}));
  EXPECT_TRUE(Already(Finish{Completed{}}));
  EXPECT_EQ(*flow.outcome, Outcome(Aborted{v1::ABORT_REASON_USER_CANCELLED}));
}

TEST_F(FlowTest, StepsGoForwardAndRepeatsRecordNothing) {
  Accept(Enter{v1::STEP_BROWSER_WAIT});
  EXPECT_TRUE(Already(Enter{v1::STEP_BROWSER_WAIT}));
  Accept(Code("c1"));
  EXPECT_EQ(flow.step, v1::STEP_CODE_EXCHANGE);
  Accept(Recognise{"u", "o"});
  Accept(Enter{.step = v1::STEP_APPS_FETCH, .by_server = true});
  Accept(Enter{v1::STEP_PROFILE_CONFIGURE});
  for (const v1::Step earlier :
       {v1::STEP_BROWSER_WAIT, v1::STEP_APP_SELECT, v1::STEP_APP_CREATE, v1::STEP_PROFILE_CONFIGURE}) {
    EXPECT_TRUE(Already(Enter{earlier})) << earlier;
  }
  EXPECT_EQ(flow.step, v1::STEP_PROFILE_CONFIGURE);
}

TEST_F(FlowTest, AppSelectAndAppCreateShareAPlace) {
  SignIn();
  Accept(Enter{v1::STEP_APP_SELECT});
  Accept(Enter{v1::STEP_APP_CREATE});
  EXPECT_EQ(flow.step, v1::STEP_APP_CREATE);
  // Going to and fro does not grow the log.
  EXPECT_TRUE(Already(Enter{v1::STEP_APP_SELECT}));
  EXPECT_TRUE(Already(Enter{v1::STEP_APP_CREATE}));
}

TEST_F(FlowTest, StepsOfTheServerAreRefusedFromAClient) {
  SignIn();
  EXPECT_EQ(Refused(Enter{v1::STEP_CODE_EXCHANGE}), v1::ERROR_CLASS_STEP_NOT_ALLOWED);
  EXPECT_EQ(Refused(Enter{v1::STEP_APPS_FETCH}), v1::ERROR_CLASS_STEP_NOT_ALLOWED);
  EXPECT_EQ(Refused(Enter{v1::STEP_UNSPECIFIED}), v1::ERROR_CLASS_STEP_NOT_ALLOWED);
}

TEST_F(FlowTest, NothingAfterTheBrowserWithoutAnExchange) {
  Accept(Enter{v1::STEP_BROWSER_WAIT});
  EXPECT_EQ(Refused(Enter{v1::STEP_APP_SELECT}), v1::ERROR_CLASS_NOT_EXCHANGED);
  EXPECT_EQ(Refused(Enter{.step = v1::STEP_APPS_FETCH, .by_server = true}), v1::ERROR_CLASS_NOT_EXCHANGED);
  EXPECT_EQ(Refused(Finish{Completed{}}), v1::ERROR_CLASS_NOT_EXCHANGED);
}

TEST_F(FlowTest, ACodeIsUsedOnce) {
  Accept(Enter{v1::STEP_BROWSER_WAIT});
  Accept(Code("c1"));
  EXPECT_TRUE(Already(Code("c1")));
  EXPECT_EQ(Refused(Code("c2")), v1::ERROR_CLASS_CODE_USED);
  Accept(RefusedCode(1));
  EXPECT_TRUE(Already(Code("c1")));
  EXPECT_EQ(Refused(Code("c2")), v1::ERROR_CLASS_CODE_USED);
  Accept(Enter{v1::STEP_BROWSER_WAIT});
  EXPECT_EQ(Refused(Code("c1")), v1::ERROR_CLASS_CODE_USED);
  EXPECT_TRUE(Holds(Code("c2")));
  Redeem stale = Code("c3");
  stale.attempt = 1;
  EXPECT_EQ(Refused(stale), v1::ERROR_CLASS_STATE_MISMATCH);
}

TEST_F(FlowTest, ARefusedExchangeOpensTheNextAttemptUpToThree) {
  Accept(Enter{v1::STEP_BROWSER_WAIT});
  for (int attempt = 1; attempt <= kMaxAttempts; ++attempt) {
    EXPECT_EQ(flow.attempt, attempt);
    Accept(Code("c" + std::to_string(attempt)));
    EXPECT_TRUE(Already(Enter{v1::STEP_BROWSER_WAIT})) << "while it runs";
    Accept(RefusedCode(attempt));
    if (attempt < kMaxAttempts) Accept(Enter{v1::STEP_BROWSER_WAIT});
  }
  EXPECT_EQ(Refused(Enter{v1::STEP_BROWSER_WAIT}), v1::ERROR_CLASS_ATTEMPTS_EXHAUSTED);
}

TEST_F(FlowTest, AnExchangeThatOutlivedItsServerOpensTheNextAttempt) {
  Accept(Enter{v1::STEP_BROWSER_WAIT});
  Accept(Code("c1"));
  EXPECT_TRUE(Holds(Enter{.step = v1::STEP_BROWSER_WAIT, .lost_code = "c1"}));
  EXPECT_TRUE(Already(Enter{v1::STEP_BROWSER_WAIT}));
  now += absl::Minutes(1);
  Accept(Enter{v1::STEP_BROWSER_WAIT});
  EXPECT_EQ(flow.attempt, 2);
  EXPECT_EQ(Refused(Recognise{"u", "o"}), v1::ERROR_CLASS_ANSWER_GONE) << "the first attempt's answer is late";
}

TEST_F(FlowTest, TokensThatNobodyHasOpenTheNextAttempt) {
  SignIn();
  EXPECT_TRUE(Already(Enter{v1::STEP_BROWSER_WAIT})) << "they are still kept";
  Accept(Enter{.step = v1::STEP_BROWSER_WAIT, .lost_code = "c1"});
  EXPECT_EQ(flow.attempt, 2);
  EXPECT_EQ(Refused(Finish{Completed{}}), v1::ERROR_CLASS_NOT_EXCHANGED);
  EXPECT_EQ(Refused(Code("c1")), v1::ERROR_CLASS_CODE_USED);
  Accept(Code("c2"));
  Accept(Recognise{"u", "o", 2});
  Accept(Enter{v1::STEP_APP_SELECT});
  EXPECT_TRUE(Already(Enter{.step = v1::STEP_BROWSER_WAIT, .lost_code = "c1"})) << "the client went on with them";
}

// A call that was overtaken by its own repeat, which got tokens meanwhile.
TEST_F(FlowTest, AnExchangeThatBeganAfterTheLookIsNotLost) {
  Accept(Enter{v1::STEP_BROWSER_WAIT});
  EXPECT_TRUE(Already(Enter{.step = v1::STEP_BROWSER_WAIT, .lost_code = ""}));
  Accept(Code("c1"));
  EXPECT_TRUE(Already(Enter{.step = v1::STEP_BROWSER_WAIT, .lost_code = ""}));
  Accept(Recognise{"u", "o"});
  EXPECT_TRUE(Already(Enter{.step = v1::STEP_BROWSER_WAIT, .lost_code = ""}));
  EXPECT_TRUE(Already(Enter{.step = v1::STEP_BROWSER_WAIT, .lost_code = "c0"}));
  Accept(Finish{Completed{}});
}

TEST_F(FlowTest, AnotherIssuersRedirectIsWrittenDownAndHindersNoExchange) {
  Accept(Enter{v1::STEP_BROWSER_WAIT});
  Accept(Fail{v1::ERROR_CLASS_ISSUER_MISMATCH});
  Accept(Code("c1"));
  EXPECT_TRUE(Already(Fail{v1::ERROR_CLASS_ISSUER_MISMATCH}));
  Accept(Recognise{"u", "o"});
}

// Two replicas: the first attempt's exchange still runs at one when the second attempt's is begun at the other.
TEST_F(FlowTest, ARefusalThatLeavesAWayIsWrittenOnceAndReopensNothing) {
  Accept(Enter{v1::STEP_BROWSER_WAIT});
  const Fail closes{.error_class = v1::ERROR_CLASS_PROVIDER_CLIENT_REFUSED, .attempt = 1, .way_left = true};
  Accept(closes);
  EXPECT_TRUE(Already(closes));
  EXPECT_FALSE(flow.trouble);
  Accept(Fail{v1::ERROR_CLASS_ISSUER_MISMATCH});
  Accept(closes);
  EXPECT_TRUE(Already(closes)) << "a caller that goes on asking must not grow the log";
  EXPECT_EQ(flow.trouble, v1::ERROR_CLASS_PROVIDER_CLIENT_REFUSED);
}

TEST_F(FlowTest, AnAnswerCountsForItsOwnAttemptAlone) {
  Accept(Enter{v1::STEP_BROWSER_WAIT});
  Accept(Code("c1"));
  Accept(Enter{.step = v1::STEP_BROWSER_WAIT, .lost_code = "c1"});
  EXPECT_EQ(Refused(RefusedCode(1)), v1::ERROR_CLASS_ANSWER_GONE);
  Accept(Code("c2"));
  const Recognise first{.user_id = "u1", .owner = "o1", .attempt = 1};
  const Recognise second{.user_id = "u2", .owner = "o2", .attempt = 2};
  EXPECT_EQ(Refused(first), v1::ERROR_CLASS_ANSWER_GONE);
  EXPECT_EQ(Refused(RefusedCode(1)), v1::ERROR_CLASS_ANSWER_GONE);
  Accept(second);
  EXPECT_TRUE(Already(second));
  EXPECT_EQ(Refused(first), v1::ERROR_CLASS_ANSWER_GONE) << "somebody else may have signed in";
  EXPECT_EQ(flow.owner, "o2");
}

TEST_F(FlowTest, ARefusalInTheBrowserEndsNoRunningExchange) {
  const Fail in_browser{.error_class = v1::ERROR_CLASS_PROVIDER_REFUSED, .attempt = 1};
  Accept(Enter{v1::STEP_BROWSER_WAIT});
  Accept(Code("c1"));
  EXPECT_TRUE(Already(in_browser)) << "of the URL in a second tab";
  EXPECT_FALSE(Holds(LoseClient{.attachment = 0, .length = flow.length}));
  Accept(RefusedCode(1));
  Accept(Enter{v1::STEP_BROWSER_WAIT});
  EXPECT_EQ(Refused(in_browser), v1::ERROR_CLASS_ANSWER_GONE) << "of an attempt that was given up";
}

TEST_F(FlowTest, TheClockEndsNoRunningExchange) {
  Accept(Enter{v1::STEP_BROWSER_WAIT});
  now = flow.DueAt() - absl::Seconds(1);
  Accept(Code("c1"));
  now = kStart + absl::Minutes(10) + absl::Seconds(10);
  EXPECT_FALSE(Holds(Expire{}));
  EXPECT_FALSE(Holds(LoseClient{.attachment = 0, .length = flow.length}));
  EXPECT_TRUE(Holds(Recognise{"u", "o"}));
}

TEST_F(FlowTest, TheBrowserWaitIsShorterThanTheFlow) {
  EXPECT_EQ(flow.DueAt(), kStart + absl::Minutes(10));
  Accept(Enter{v1::STEP_BROWSER_WAIT});
  EXPECT_EQ(flow.DueAt(), flow.step_time + absl::Minutes(10));
  now = flow.DueAt();
  EXPECT_EQ(Refused(Code("c1")), v1::ERROR_CLASS_FLOW_EXPIRED);
  Accept(Expire{});
  EXPECT_EQ(*flow.outcome, Outcome(Aborted{v1::ABORT_REASON_EXPIRED}));
  EXPECT_EQ(flow.DueAt(), absl::InfiniteFuture());
  EXPECT_EQ(Refused(Enter{v1::STEP_BROWSER_WAIT}), v1::ERROR_CLASS_FLOW_EXPIRED);
}

TEST_F(FlowTest, AfterTheBrowserTheWholeFlowsTimeCounts) {
  SignIn();
  EXPECT_EQ(flow.DueAt(), kStart + absl::Minutes(30));
  now = flow.DueAt() + absl::Seconds(1);
  EXPECT_EQ(Refused(Enter{v1::STEP_APP_SELECT}), v1::ERROR_CLASS_FLOW_EXPIRED);
  EXPECT_TRUE(Holds(Finish{Completed{}})) << "the first end wins, even late";
}

TEST_F(FlowTest, TheRefusalYouGaveMeIsTheLastCallsClass) {
  SignIn();
  Accept(Fail{v1::ERROR_CLASS_STORE_UNAVAILABLE});
  EXPECT_TRUE(Already(Fail{v1::ERROR_CLASS_STORE_UNAVAILABLE}));
  Accept(Attach{});
  EXPECT_EQ(flow.trouble, v1::ERROR_CLASS_STORE_UNAVAILABLE);
  Accept(Finish{Failed{}});
  EXPECT_EQ(*flow.outcome, Outcome(Failed{v1::ERROR_CLASS_STORE_UNAVAILABLE}));
}

TEST_F(FlowTest, ACallThatGoesWellForgetsTheRefusal) {
  SignIn();
  EXPECT_TRUE(Already(Succeed{}));
  Accept(Fail{v1::ERROR_CLASS_STORE_UNAVAILABLE});
  Accept(Succeed{});
  Accept(Finish{Failed{}});
  EXPECT_EQ(*flow.outcome, Outcome(Failed{v1::ERROR_CLASS_CLIENT_ERROR}));
}

TEST_F(FlowTest, OnlyTheNewestAttachmentCanLoseItsClient) {
  Accept(Attach{});
  const int64_t first = flow.attachment;
  Accept(Enter{v1::STEP_BROWSER_WAIT});
  EXPECT_FALSE(Holds(LoseClient{.attachment = first, .length = first})) << "the flow moved on";
  Accept(Attach{});
  EXPECT_FALSE(Holds(LoseClient{.attachment = first, .length = flow.length})) << "the client came back";
  Accept(LoseClient{.attachment = flow.attachment, .length = flow.length});
  EXPECT_EQ(*flow.outcome, Outcome(Aborted{v1::ABORT_REASON_CLIENT_LOST}));
}

TEST_F(FlowTest, AnOptedOutFlowLearnsNoUser) {
  flow.header.tracked = false;
  SignIn();
  EXPECT_EQ(flow.user_id, "");
  EXPECT_EQ(flow.owner, "o");
}

TEST_F(FlowTest, TimeNeverGoesBackInALog) {
  now = kStart - absl::Hours(1);
  const auto next = flow.Next(Attach{}, now);
  EXPECT_EQ((*next)->time, kStart);
}

TEST(FlowLogTest, FoldsAndRefusesGaps) {
  const Entry start = Flow::Start(TestHeader());
  const Entry second{.number = 2, .time = kStart, .what = Attached{}};
  const Entry fourth{.number = 4, .time = kStart, .what = Attached{}};
  EXPECT_EQ(Flow::FromLog({start, second})->length, 2);
  EXPECT_EQ(Flow::FromLog({start, fourth}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Flow::FromLog({}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Flow::FromLog({second}).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace authflow
