// ExchangeCode: one post of a code, whoever repeats it, wherever, and whatever ends the flow meanwhile.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/flow/testing_world.h"

namespace authflow {
namespace {

using testing::ElementsAre;

class ExchangeTest : public testing::Test {
 protected:
  TestingWorld w;
};

TEST_F(ExchangeTest, AnExchangeIsJoinedWhileItRunsAndRepeatedForAMinute) {
  const OpenedFlow flow = w.Started();
  w.provider->Hold();
  std::thread releaser([&] {
    w.provider->WaitForPosts(1);
    w.provider->Release();
  });
  for (const auto& answer : AtOnce([&] { return w.Exchange(flow, "c1"); })) {
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->tokens.access_token.Reveal(), "access of c1");
  }
  releaser.join();
  w.clock.Advance(absl::Seconds(59));
  EXPECT_TRUE(w.Exchange(flow, "c1").ok());
  w.clock.Advance(absl::Seconds(2));
  EXPECT_EQ(ClassOf(w.Exchange(flow, "c1").status()), v1::ERROR_CLASS_ANSWER_GONE);
  EXPECT_EQ(w.provider->posted(), 1) << "the code was posted once";
}

TEST_F(ExchangeTest, WhoNeverSawTheTokensSignsInWithTheNextAttempt) {
  const OpenedFlow flow = w.Started();
  ASSERT_TRUE(w.Step(flow, v1::STEP_BROWSER_WAIT).ok());
  ASSERT_TRUE(w.Exchange(flow, "c1").ok());
  EXPECT_EQ(w.Step(flow, v1::STEP_BROWSER_WAIT)->flow->attempt, 1) << "the tokens are still here";
  w.clock.Advance(absl::Seconds(61));
  EXPECT_EQ(ClassOf(w.Exchange(flow, "c1").status()), v1::ERROR_CLASS_ANSWER_GONE);
  auto next = w.Step(flow, v1::STEP_BROWSER_WAIT);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(next->flow->attempt, 2);
  next->token = flow.token;
  EXPECT_TRUE(w.Exchange(*next, "c2").ok());
  EXPECT_THAT(Names(w.Events()), ElementsAre("auth_started", "identify")) << "the same person is told once";
}

TEST_F(ExchangeTest, AfterARestartACodeIsNotPostedAgainAndTheNextAttemptOpens) {
  const OpenedFlow flow = w.Started();
  ASSERT_TRUE(w.Step(flow, v1::STEP_BROWSER_WAIT).ok());
  w.provider->Hold();
  std::thread caller([&] { (void)w.Exchange(flow, "c1"); });
  w.provider->WaitForPosts(1);
  {
    // A second replica, which knows nothing of the first one's memory.
    TestingWorld second;
    Shared<SignedIn> exchanges(second.nursery, absl::Seconds(60));
    FlowCache cache(10);
    World world{.clock = w.clock,
                .keys = w.keys,
                .flows = w.storage->flows(),
                .invocations = w.storage->invocations(),
                .observer = w.observer,
                .products = w.products,
                .cache = cache,
                .watches = second.watches,
                .exchanges = exchanges,
                .refreshes = second.refreshes,
                .device_pace = second.device_pace,
                .executor = TestExecutor()};
    const auto repeated = Wait(ExchangeCode(world, w.Token(flow), TestingWorld::Redirect(flow, "c1")));
    EXPECT_EQ(ClassOf(repeated.status()), v1::ERROR_CLASS_ANSWER_GONE);
    const auto next = Wait(RecordStep(world, w.Token(flow), v1::STEP_BROWSER_WAIT));
    ASSERT_TRUE(next.ok()) << next.status();
    EXPECT_EQ(next->flow->attempt, 2);
    EXPECT_FALSE(next->state == flow.state);
    EXPECT_FALSE(next->authorization_url.empty());
    OpenedFlow again = *next;
    again.token = flow.token;
    const auto signed_in = Wait(ExchangeCode(world, w.Token(flow), TestingWorld::Redirect(flow, "c9")));
    EXPECT_EQ(ClassOf(signed_in.status()), v1::ERROR_CLASS_STATE_MISMATCH) << "the first attempt's state is stale";
  }
  w.provider->Release();
  caller.join();
  EXPECT_THAT(w.provider->revoked(), ElementsAre("access of c1")) << "the late answer is given back";
  EXPECT_THAT(Names(w.Events()), ElementsAre("auth_started"));
}

// A store in which the first append waits until something else has happened.
class SlowStore final : public FlowStore {
 public:
  SlowStore(FlowStore& store, std::function<Task<void>()> meanwhile)
      : store_(store), meanwhile_(std::move(meanwhile)) {}
  Task<absl::StatusOr<bool>> AppendEntry(Append append) override {
    if (!std::exchange(waited_, true)) co_await meanwhile_();
    absl::StatusOr<bool> won = co_await store_.AppendEntry(std::move(append));
    co_return won;
  }
  Task<absl::StatusOr<std::vector<Entry>>> Load(FlowId flow_id) override { return store_.Load(flow_id); }
  Task<absl::StatusOr<std::vector<LogRow>>> LoadBefore(int64_t position, int limit) override {
    return store_.LoadBefore(position, limit);
  }
  Task<absl::StatusOr<std::vector<FlowId>>> Due(absl::Time now, int limit) override { return store_.Due(now, limit); }
  Task<absl::Status> Postpone(FlowId flow_id, absl::Time due_at) override { return store_.Postpone(flow_id, due_at); }
  Task<absl::StatusOr<std::vector<FlowTotals>>> CountFlows() override { return store_.CountFlows(); }

 private:
  FlowStore& store_;
  const std::function<Task<void>()> meanwhile_;
  bool waited_ = false;
};

// The client repeated a call that it had no answer of, elsewhere, and has its tokens when the first is recorded at
// last.
TEST_F(ExchangeTest, AStepThatItsRepeatOvertookDoesNotGiveUpTheExchange) {
  const OpenedFlow flow = w.Started();
  absl::StatusOr<SignedIn> signed_in = absl::UnknownError("not called");
  SlowStore slow(w.storage->flows(), [&]() -> Task<void> {
    (void)co_await RecordStep(w.world, w.Token(flow), v1::STEP_BROWSER_WAIT);
    signed_in = co_await ExchangeCode(w.world, w.Token(flow), TestingWorld::Redirect(flow, "c1"));
  });
  TestingWorld second;
  World overtaken{.clock = w.clock,
                  .keys = w.keys,
                  .flows = slow,
                  .invocations = w.storage->invocations(),
                  .observer = w.observer,
                  .products = w.products,
                  .cache = second.cache,
                  .watches = second.watches,
                  .exchanges = second.exchanges,
                  .refreshes = second.refreshes,
                  .device_pace = w.device_pace,
                  .executor = TestExecutor()};
  const auto late = Wait(RecordStep(overtaken, w.Token(flow), v1::STEP_BROWSER_WAIT));
  ASSERT_TRUE(signed_in.ok()) << signed_in.status();
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_EQ(late->flow->attempt, 1);
  const auto finished = w.Finish(flow, Completed{});
  EXPECT_TRUE(finished.ok()) << finished.status();
}

TEST_F(ExchangeTest, AWrongStateAndAWrongIssuerEndNothing) {
  const OpenedFlow flow = w.Started();
  const std::string state = flow.state.Reveal();
  const auto exchange = [&](const std::string& query) {
    return Wait(ExchangeCode(w.world, w.Token(flow), Secret(query)));
  };
  EXPECT_EQ(ClassOf(exchange("code=c1&state=wrong").status()), v1::ERROR_CLASS_STATE_MISMATCH);
  EXPECT_EQ(ClassOf(exchange("code=c1").status()), v1::ERROR_CLASS_STATE_MISMATCH);
  EXPECT_EQ(ClassOf(exchange("error=access_denied&state=wrong").status()), v1::ERROR_CLASS_STATE_MISMATCH);
  EXPECT_EQ(ClassOf(exchange("code=c1&iss=https%3A%2F%2Fevil.example&state=" + state).status()),
            v1::ERROR_CLASS_ISSUER_MISMATCH);
  EXPECT_EQ(ClassOf(exchange("state=" + state).status()), v1::ERROR_CLASS_REDIRECT_MALFORMED);
  EXPECT_EQ(w.provider->posted(), 0);
  EXPECT_TRUE(w.Exchange(flow, "c1").ok());
}

TEST_F(ExchangeTest, DeniedConsentEndsTheFlowAsAbortedAndSaysSoAgain) {
  const OpenedFlow flow = w.Started();
  ASSERT_TRUE(w.Step(flow, v1::STEP_BROWSER_WAIT).ok());
  const Secret denied("error=access_denied&state=" + flow.state.Reveal());
  EXPECT_EQ(ClassOf(Wait(ExchangeCode(w.world, w.Token(flow), denied)).status()), v1::ERROR_CLASS_DENIED);
  EXPECT_EQ(ClassOf(Wait(ExchangeCode(w.world, w.Token(flow), denied)).status()), v1::ERROR_CLASS_DENIED);
  const auto events = w.Events();
  ASSERT_THAT(Names(events), ElementsAre("auth_started", "auth_aborted"));
  EXPECT_EQ(events[1].auth_aborted().reason(), v1::ABORT_REASON_DENIED);
  EXPECT_EQ(events[1].auth_aborted().step(), v1::STEP_BROWSER_WAIT);
}

TEST_F(ExchangeTest, ARefusedCodeOpensTheNextAttemptOfTheSameFlow) {
  OpenedFlow flow = w.Started();
  ASSERT_TRUE(w.Step(flow, v1::STEP_BROWSER_WAIT).ok());
  w.provider->redeems = Refusal(v1::ERROR_CLASS_CODE_REFUSED, "refused");
  EXPECT_EQ(ClassOf(w.Exchange(flow, "c1").status()), v1::ERROR_CLASS_CODE_REFUSED);
  EXPECT_EQ(ClassOf(w.Exchange(flow, "c1").status()), v1::ERROR_CLASS_CODE_REFUSED);
  EXPECT_EQ(w.provider->posted(), 1);
  const auto next = w.Step(flow, v1::STEP_BROWSER_WAIT);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(w.Step(flow, v1::STEP_BROWSER_WAIT)->state, next->state) << "a repeat answers the same";
  flow.state = next->state;
  w.provider->redeems = absl::OkStatus();
  EXPECT_TRUE(w.Exchange(flow, "c2").ok());
  ASSERT_TRUE(w.Finish(flow, Completed{}).ok());
  EXPECT_THAT(Names(w.Events()), ElementsAre("auth_started", "identify", "auth_completed"));
}

TEST_F(ExchangeTest, AFinishDuringTheExchangeWinsAndTheTokensAreGivenBack) {
  const OpenedFlow flow = w.Started();
  w.provider->Hold();
  absl::StatusOr<SignedIn> answer = absl::UnknownError("not called");
  std::thread caller([&] { answer = w.Exchange(flow, "c1"); });
  w.provider->WaitForPosts(1);
  ASSERT_TRUE(w.Finish(flow, Aborted{v1::ABORT_REASON_USER_CANCELLED}).ok());
  w.provider->Release();
  caller.join();
  EXPECT_EQ(ClassOf(answer.status()), v1::ERROR_CLASS_FLOW_FINISHED);
  EXPECT_THAT(w.provider->revoked(), ElementsAre("access of c1"));
  const auto events = w.Events();
  ASSERT_THAT(Names(events), ElementsAre("auth_started", "auth_aborted"));
  EXPECT_EQ(events[1].auth_aborted().step(), v1::STEP_CODE_EXCHANGE);
}

}  // namespace
}  // namespace authflow
