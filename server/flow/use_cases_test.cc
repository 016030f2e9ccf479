#include "server/flow/use_cases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "server/flow/record.h"
#include "server/flow/testing_world.h"

namespace authflow {
namespace {

using testing::ElementsAre;

class UseCasesTest : public testing::Test {
 protected:
  TestingWorld w;
};

TEST_F(UseCasesTest, AStartSentSixteenTimesAtOnceOpensOneFlow) {
  const NewFlow request = w.Request();
  const auto answers = AtOnce([&] { return w.Start(request); });
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->token, answers[0]->token);
    EXPECT_EQ(answer->state, answers[0]->state);
    EXPECT_EQ(answer->authorization_url, answers[0]->authorization_url);
  }
  EXPECT_THAT(Names(w.Events()), ElementsAre("auth_started"));
}

TEST_F(UseCasesTest, AStartHoldsItsTicketUntilItIsRecordedAndNotWhileTheProviderIsAsked) {
  NewFlow request = w.Request();
  auto ticket = std::make_shared<int>(0);
  const std::weak_ptr<int> held = ticket;
  request.ticket = std::move(ticket);
  bool held_by_write = false, held_by_provider = true;
  w.storage->BeforeNextAppend([&] { held_by_write = !held.expired(); });
  w.provider->asked_for_url = [&] { held_by_provider = !held.expired(); };
  ASSERT_TRUE(w.Start(std::move(request)).ok());
  EXPECT_TRUE(held_by_write);
  EXPECT_FALSE(held_by_provider);
}

TEST_F(UseCasesTest, AStartIsRepeatedForTwoMinutesAndUntouched) {
  NewFlow request = w.Request();
  const auto first = w.Start(request);
  w.clock.Advance(absl::Minutes(2));
  EXPECT_EQ(w.Start(request)->token, first->token);

  NewFlow another = request;
  another.redirect_uri = "http://127.0.0.1:5001/callback";
  EXPECT_EQ(ClassOf(w.Start(another).status()), v1::ERROR_CLASS_REQUEST_ID_REUSED);

  w.clock.Advance(absl::Seconds(1));
  EXPECT_EQ(ClassOf(w.Start(request).status()), v1::ERROR_CLASS_REQUEST_ID_REUSED) << "two minutes are over";

  request = w.Request();
  const auto second = w.Start(request);
  ASSERT_TRUE(w.Step(*second, v1::STEP_BROWSER_WAIT).ok());
  EXPECT_EQ(ClassOf(w.Start(request).status()), v1::ERROR_CLASS_REQUEST_ID_REUSED) << "somebody drives it";
}

TEST_F(UseCasesTest, AFailedDiscoveryEndsTheFlowAsFailedBeforeAnyStep) {
  w.provider->discovery = Refusal(v1::ERROR_CLASS_PROVIDER_UNREACHABLE, "no connection");
  const NewFlow request = w.Request();
  const auto refused = w.Start(request);
  EXPECT_EQ(ClassOf(refused.status()), v1::ERROR_CLASS_PROVIDER_UNREACHABLE);
  EXPECT_TRUE(MetadataOf(refused.status()).contains("flow_id"));
  EXPECT_EQ(ClassOf(w.Start(request).status()), v1::ERROR_CLASS_PROVIDER_UNREACHABLE) << "a repeat says the same";
  const auto events = w.Events();
  ASSERT_THAT(Names(events), ElementsAre("auth_started", "auth_failed"));
  EXPECT_EQ(events[1].auth_failed().step(), v1::STEP_UNSPECIFIED);
  EXPECT_EQ(events[1].auth_failed().error_class(), v1::ERROR_CLASS_PROVIDER_UNREACHABLE);
}

TEST_F(UseCasesTest, ARedirectUriThatIsNotAllowedOpensNoFlow) {
  NewFlow request = w.Request();
  for (const char* uri :
       {"https://evil.example/callback", "http://localhost:5000/callback", "http://127.0.0.1/callback",
        "http://127.0.0.1:5000/other", "http://127.0.0.1:05000/callback", "http://127.0.0.1:0/callback",
        "http://127.0.0.1:65536/callback", "http://127.0.0.1:5000/callback?x"}) {
    request.redirect_uri = uri;
    const auto refused = w.Start(request);
    EXPECT_EQ(ClassOf(refused.status()), v1::ERROR_CLASS_REDIRECT_URI_NOT_ALLOWED) << uri;
    EXPECT_EQ(MetadataOf(refused.status())["redirect_uris"], "http://127.0.0.1:0/callback");
  }
  EXPECT_THAT(w.Events(), testing::IsEmpty());
}

TEST_F(UseCasesTest, AWholeLoginIsNumberedInOrderAndKnowsItsUser) {
  const NewFlow request = w.Request();
  const OpenedFlow flow = *w.Start(request);
  ASSERT_TRUE(w.Step(flow, v1::STEP_BROWSER_WAIT).ok());
  const auto signed_in = w.Exchange(flow, "c1");
  ASSERT_TRUE(signed_in.ok()) << signed_in.status();
  EXPECT_EQ(signed_in->identity.user_id, "user-1");
  const Caller caller{.product = "tool", .flow_token = w.Token(flow), .access_token = {}};
  const auto page = Wait(ListApplications(w.world, caller, 50, ""));
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(page->regions, ElementsAre("eu", "us"));
  ASSERT_TRUE(w.Step(flow, v1::STEP_APP_CREATE).ok());
  const NewApplication application{.request_id = RandomUuid(w.clock.Now()), .name = "first", .region = "us"};
  ASSERT_TRUE(Wait(CreateApplication(w.world, caller, application)).ok());
  ASSERT_TRUE(w.Step(flow, v1::STEP_PROFILE_CONFIGURE).ok());
  w.clock.Advance(absl::Seconds(7));
  ASSERT_TRUE(w.Finish(flow, Completed{}).ok());

  const auto events = w.Events();
  ASSERT_THAT(Names(events), ElementsAre("auth_started", "identify", "auth_completed"));
  EXPECT_EQ(events[0].sequence(), 1);
  EXPECT_EQ(events[0].user_id(), "");
  EXPECT_EQ(events[1].sequence(), 0) << "an identify takes no number";
  EXPECT_EQ(events[1].user_id(), "user-1");
  EXPECT_EQ(events[2].sequence(), 2);
  EXPECT_EQ(events[2].user_id(), "user-1");
  EXPECT_EQ(events[2].auth_completed().duration().seconds(), 7);
  EXPECT_THAT(events[1].identify().sealed_traits(), testing::Not(testing::HasSubstr("example.com")));
}

TEST_F(UseCasesTest, SixteenDifferentEndsAtOnceLeaveOne) {
  const OpenedFlow flow = w.Started();
  const auto answers = AtOnce([&] { return w.Finish(flow, Failed{v1::ERROR_CLASS_CLIENT_ERROR}); });
  const auto late = w.Finish(flow, Aborted{v1::ABORT_REASON_USER_CANCELLED});
  for (const auto& answer : answers) EXPECT_EQ(*(*answer)->outcome, Outcome(Failed{v1::ERROR_CLASS_CLIENT_ERROR}));
  EXPECT_EQ(*(*late)->outcome, Outcome(Failed{v1::ERROR_CLASS_CLIENT_ERROR}));
  EXPECT_THAT(Names(w.Events()), ElementsAre("auth_started", "auth_failed"));
}

TEST_F(UseCasesTest, OverdueFlowsAreClosedAndTheOthersPutOff) {
  const OpenedFlow waits = w.Started();
  ASSERT_TRUE(w.Step(waits, v1::STEP_BROWSER_WAIT).ok());
  const OpenedFlow goes_on = w.Started();
  ASSERT_TRUE(w.Exchange(goes_on, "c1").ok());
  EXPECT_EQ(*Wait(CloseOverdueFlows(w.world, 10)), 0);
  w.clock.Advance(absl::Minutes(10));
  EXPECT_EQ(*Wait(CloseOverdueFlows(w.world, 10)), 2);
  EXPECT_EQ(*w.Now(waits).outcome, Outcome(Aborted{v1::ABORT_REASON_EXPIRED}));
  EXPECT_FALSE(w.Now(goes_on).outcome);
  EXPECT_EQ(*Wait(CloseOverdueFlows(w.world, 10)), 0) << "the other one was put off";
  w.clock.Advance(absl::Minutes(20));
  EXPECT_EQ(*Wait(CloseOverdueFlows(w.world, 10)), 1);
  EXPECT_EQ(*w.Now(goes_on).outcome, Outcome(Aborted{v1::ABORT_REASON_EXPIRED}));
  EXPECT_EQ(ClassOf(w.Step(waits, v1::STEP_BROWSER_WAIT).status()), v1::ERROR_CLASS_FLOW_EXPIRED);
}

TEST_F(UseCasesTest, WhoLosesARaceGoesOnFromWhatTheWinnerWrote) {
  const OpenedFlow flow = w.Started();
  w.storage->BeforeNextAppend([&] {
    ASSERT_TRUE(w.Step(flow, v1::STEP_BROWSER_WAIT).ok());
    w.storage->FailReads(Refusal(v1::ERROR_CLASS_STORE_UNAVAILABLE, "nothing needs to be read"), 100);
  });
  const auto watch = Wait(WatchFlow(w.world, w.Token(flow), [] {}));
  ASSERT_TRUE(watch.ok()) << watch.status();
  EXPECT_EQ(watch->flow->length, 3);
  EXPECT_EQ(watch->flow->step, v1::STEP_BROWSER_WAIT);
}

TEST_F(UseCasesTest, WhatAnotherReplicaWroteIsReadByWhoLosesARace) {
  const OpenedFlow flow = w.Started();
  const SharedFlow before = w.cache.Get(w.Token(flow).flow_id());
  w.storage->BeforeNextAppend([&] {
    const Entry entry = **before->Next(Enter{.step = v1::STEP_BROWSER_WAIT}, w.clock.Now());
    ASSERT_TRUE(*Wait(w.storage->real().flows().AppendEntry(AppendOf(*before, before->With(entry), entry, ""))));
  });
  const auto watch = Wait(WatchFlow(w.world, w.Token(flow), [] {}));
  ASSERT_TRUE(watch.ok()) << watch.status();
  EXPECT_EQ(watch->flow->step, v1::STEP_BROWSER_WAIT);
}

TEST_F(UseCasesTest, AWatchIsToldOfEachChangeAndReplacedByTheNewest) {
  const OpenedFlow flow = w.Started();
  absl::Notification told;
  Attachment watch = *Wait(WatchFlow(w.world, w.Token(flow), [&] { told.Notify(); }));
  EXPECT_EQ(watch.number, 2);
  ASSERT_TRUE(w.Step(flow, v1::STEP_BROWSER_WAIT).ok());
  told.WaitForNotification();
  EXPECT_EQ(watch.watch->Latest()->step, v1::STEP_BROWSER_WAIT);

  const OpenedFlow twice = w.Started();
  Attachment older = *Wait(WatchFlow(w.world, w.Token(twice), [] {}));
  Attachment newer = *Wait(WatchFlow(w.world, w.Token(twice), [] {}));
  EXPECT_TRUE(older.watch->replaced());
  EXPECT_FALSE(newer.watch->replaced());
}

TEST_F(UseCasesTest, AReauthenticationWorksAndEmitsNothing) {
  NewFlow request = w.Request();
  request.kind = v1::FLOW_KIND_REAUTHENTICATION;
  const OpenedFlow flow = *w.Start(request);
  ASSERT_TRUE(w.Exchange(flow, "c1").ok());
  ASSERT_TRUE(w.Finish(flow, Completed{}).ok());
  EXPECT_THAT(w.Events(), testing::IsEmpty());
}

TEST_F(UseCasesTest, AnOptedOutLoginWorksOwnsItsApplicationsAndEmitsNothing) {
  NewFlow request = w.Request();
  request.invocation.set_do_not_track(true);
  request.invocation.set_user_id("user-0");
  const OpenedFlow flow = *w.Start(request);
  ASSERT_TRUE(w.Exchange(flow, "c1").ok());
  const Caller in_flow{.product = "tool", .flow_token = w.Token(flow), .access_token = {}};
  const NewApplication application{.request_id = RandomUuid(w.clock.Now()), .name = "mine", .region = ""};
  ASSERT_TRUE(Wait(CreateApplication(w.world, in_flow, application)).ok());
  const Flow now = w.Now(flow);
  EXPECT_EQ(now.user_id, "");
  EXPECT_EQ(now.header.claimed_user_id, "");
  ASSERT_TRUE(w.Finish(flow, Completed{}).ok());
  EXPECT_THAT(w.Events(), testing::IsEmpty());
  const Caller later{.product = "tool", .flow_token = std::nullopt, .access_token = Secret("good")};
  EXPECT_EQ(Wait(ListApplications(w.world, later, 50, ""))->applications.size(), 1);
}

TEST_F(UseCasesTest, ATokenOpensItsOwnFlowOfItsOwnProductAlone) {
  const OpenedFlow flow = w.Started();
  ASSERT_TRUE(w.Exchange(flow, "c1").ok());
  const Caller other{.product = "other", .flow_token = w.Token(flow), .access_token = {}};
  EXPECT_EQ(ClassOf(Wait(ListApplications(w.world, other, 50, "")).status()), v1::ERROR_CLASS_FLOW_TOKEN_MISMATCH);
  const Keys same_name_other_server{std::vector<Secret>{Secret(std::string(32, 'k'))}};
  const Secret unknown = same_name_other_server.MakeFlowToken(RandomUuid(w.clock.Now()));
  const FlowToken token = *w.keys.OpenFlowToken(unknown.Reveal());
  EXPECT_EQ(ClassOf(Wait(GetFlow(w.world, token)).status()), v1::ERROR_CLASS_FLOW_NOT_FOUND);
}

TEST_F(UseCasesTest, RefreshesOfOneTokenShareOneCall) {
  w.provider->Hold();
  std::thread releaser([&] {
    w.provider->WaitForPosts(1);
    w.provider->Release();
  });
  for (const auto& answer : AtOnce([&] { return Wait(RefreshToken(w.world, "tool", Secret("r1"))); })) {
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->access_token.Reveal(), "refreshed 1");
  }
  releaser.join();
  w.clock.Advance(absl::Seconds(59));
  EXPECT_EQ(Wait(RefreshToken(w.world, "tool", Secret("r1")))->access_token.Reveal(), "refreshed 1");
  w.clock.Advance(absl::Seconds(2));
  EXPECT_EQ(Wait(RefreshToken(w.world, "tool", Secret("r1")))->access_token.Reveal(), "refreshed 2");
}

TEST_F(UseCasesTest, ARefreshThatFoundNoProviderIsTriedAnew) {
  w.provider->refreshes = Refusal(v1::ERROR_CLASS_PROVIDER_UNREACHABLE, "no connection");
  EXPECT_FALSE(Wait(RefreshToken(w.world, "tool", Secret("r1"))).ok());
  w.provider->refreshes = absl::OkStatus();
  EXPECT_TRUE(Wait(RefreshToken(w.world, "tool", Secret("r1"))).ok());
}

TEST_F(UseCasesTest, CommandsAreRecordedOnceAndNeverAsOrphans) {
  const v1::Invocation invocation = w.Request().invocation;
  const InvocationId id = *Uuid::Parse(invocation.invocation_id());
  const auto finish = [&] { return Wait(FinishCommand(w.world, "tool", id, v1::CommandCompleted())); };
  EXPECT_EQ(ClassOf(finish()), v1::ERROR_CLASS_NOT_INVOKED);
  EXPECT_TRUE(Wait(StartCommand(w.world, "tool", invocation)).ok());
  EXPECT_TRUE(Wait(StartCommand(w.world, "tool", invocation)).ok());
  EXPECT_TRUE(finish().ok());
  EXPECT_TRUE(finish().ok());
  EXPECT_THAT(Names(w.Events()), ElementsAre("command_invoked", "command_completed"));
}

TEST_F(UseCasesTest, ALogoutIsRecordedOncePerInvocationAndNeverWithoutOne) {
  const v1::Invocation invocation = w.Request().invocation;
  Tokens tokens;
  tokens.refresh_token = Secret("r1");
  EXPECT_TRUE(*Wait(RevokeToken(w.world, "tool", tokens, invocation)));
  EXPECT_TRUE(*Wait(RevokeToken(w.world, "tool", tokens, invocation)));
  EXPECT_TRUE(*Wait(RevokeToken(w.world, "tool", tokens, std::nullopt)));
  EXPECT_THAT(Names(w.Events()), ElementsAre("auth_logout"));
}

}  // namespace
}  // namespace authflow
