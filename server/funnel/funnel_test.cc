// The funnel of logs written by hand.
#include "server/funnel/funnel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace authflow {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
constexpr int kBrowser = v1::STEP_BROWSER_WAIT;

// What a flow begins with.
struct Begin {
  std::string product = "acme";
  v1::FlowKind kind = v1::FLOW_KIND_LOGIN;
  bool tracked = true;
};

// Rows as a store would have them, in the order in which they were committed.
class Logs {
 public:
  // A flow that starts so long before kNow; its number.
  int Start(absl::Duration ago, Begin what = {}) {
    const int flow = static_cast<int>(starts_.size());
    starts_.push_back(kNow - ago);
    lengths_.push_back(0);
    Header header;
    header.id = IdOf(flow);
    header.product = what.product;
    header.kind = what.kind;
    header.tracked = what.tracked;
    header.start = kNow - ago;
    Add(flow, absl::ZeroDuration(), Started{header});
    return flow;
  }
  // What the flow's log says next, so long after its start.
  void Add(int flow, absl::Duration after, What what) {
    const auto i = static_cast<size_t>(flow);
    Entry entry{.number = ++lengths_[i], .time = starts_[i] + after, .what = std::move(what)};
    rows_.push_back({.position = static_cast<int64_t>(rows_.size()) + 1, .flow_id = IdOf(flow), .entry = entry});
  }
  void Step(int flow, absl::Duration after, int step, int attempt = 1) {
    Add(flow, after, Entered{.step = static_cast<v1::Step>(step), .attempt = attempt});
  }
  void End(int flow, absl::Duration after, Outcome outcome) { Add(flow, after, Ended{outcome}); }

  static FlowId IdOf(int flow) {
    FlowId id;
    id.bytes[15] = static_cast<uint8_t>(flow + 1);
    return id;
  }

  std::vector<FunnelWindow> Count(FunnelChoice choice) const {
    if (choice.windows.empty()) choice.windows = {absl::Hours(1)};
    FunnelCounter counter(choice, kNow);
    for (auto row = rows_.rbegin(); row != rows_.rend(); ++row) {
      if (!counter.Add(*row)) break;
    }
    return counter.Finish();
  }
  // Of the last hour, the only one there is.
  Funnel Only(FunnelChoice choice = {}) const {
    const std::vector<FunnelWindow> windows = Count(std::move(choice));
    EXPECT_THAT(windows[0].funnels, SizeIs(1));
    return windows[0].funnels.empty() ? Funnel{} : windows[0].funnels[0];
  }

 private:
  std::vector<absl::Time> starts_;
  std::vector<int64_t> lengths_;
  std::vector<LogRow> rows_;
};

const StepNumbers& At(const Funnel& funnel, int step) {
  return *std::ranges::find(funnel.steps, static_cast<v1::Step>(step), &StepNumbers::step);
}

TEST(FunnelTest, NothingIsNoFunnel) {
  const std::vector<FunnelWindow> windows = Logs().Count({.windows = {absl::Hours(1), absl::Hours(24)}});
  ASSERT_THAT(windows, SizeIs(2));
  EXPECT_THAT(windows[0].funnels, IsEmpty());
  EXPECT_EQ(windows[1].since, kNow - absl::Hours(24));
  EXPECT_EQ(windows[1].until, kNow);
  EXPECT_FALSE(windows[1].cut());
}

TEST(FunnelTest, AWholeLoginReachesEachStepAndSpendsItsTimeThere) {
  Logs logs;
  const int login = logs.Start(absl::Minutes(5));
  logs.Add(login, absl::Milliseconds(20), Attached{});
  logs.Step(login, absl::Milliseconds(50), kBrowser);
  logs.Add(login, absl::Seconds(10), ExchangeBegun{.attempt = 1, .code = "c", .until = kNow});
  logs.Add(login, absl::Seconds(11), Exchanged{.user_id = "u", .owner = "o"});
  logs.Step(login, absl::Seconds(12), v1::STEP_APPS_FETCH);
  logs.Step(login, absl::Seconds(13), v1::STEP_APP_SELECT);
  logs.Step(login, absl::Seconds(20), v1::STEP_PROFILE_CONFIGURE);
  logs.End(login, absl::Seconds(21), Completed{});
  const Funnel funnel = logs.Only();
  EXPECT_EQ(funnel.product, "acme");
  EXPECT_EQ(funnel.kind, v1::FLOW_KIND_LOGIN);
  EXPECT_EQ(funnel.started, 1);
  EXPECT_EQ(funnel.completed, 1);
  EXPECT_EQ(funnel.open, 0);
  EXPECT_EQ(funnel.median_completed, absl::Seconds(21));
  EXPECT_EQ(funnel.reached_application, 1);
  EXPECT_THAT(funnel.drop_offs, IsEmpty());
  for (const v1::Step step : kFunnelSteps) {
    EXPECT_EQ(At(funnel, step).reached, step == v1::STEP_APP_CREATE ? 0 : 1) << step;
    EXPECT_EQ(At(funnel, step).dropped, 0) << step;
  }
  EXPECT_EQ(At(funnel, v1::STEP_UNSPECIFIED).median, std::nullopt);
  EXPECT_EQ(At(funnel, kBrowser).median, absl::Milliseconds(9950));
  EXPECT_EQ(At(funnel, v1::STEP_CODE_EXCHANGE).median, absl::Seconds(2));
  EXPECT_EQ(At(funnel, v1::STEP_APP_SELECT).median, absl::Seconds(7));
  EXPECT_EQ(At(funnel, v1::STEP_APP_CREATE).median, std::nullopt);
  EXPECT_EQ(At(funnel, v1::STEP_PROFILE_CONFIGURE).median, absl::Seconds(1));
}

TEST(FunnelTest, WhoDoesNotCompleteIsCountedWhereAndWhy) {
  Logs logs;
  const auto end = [&logs](bool browsed, Outcome outcome) {
    const int flow = logs.Start(absl::Minutes(10));
    if (browsed) logs.Step(flow, absl::Seconds(1), kBrowser);
    logs.End(flow, absl::Seconds(3), outcome);
  };
  end(true, Aborted{v1::ABORT_REASON_CLIENT_LOST});
  for (int i = 0; i < 2; ++i) end(true, Aborted{v1::ABORT_REASON_USER_CANCELLED});
  end(true, Failed{v1::ERROR_CLASS_PROVIDER_TIMEOUT});
  end(false, Aborted{v1::ABORT_REASON_USER_CANCELLED});
  const int open = logs.Start(absl::Minutes(1));
  logs.Step(open, absl::Seconds(1), kBrowser);
  const Funnel funnel = logs.Only();
  EXPECT_EQ(funnel.started, 6);
  EXPECT_EQ(funnel.aborted, 4);
  EXPECT_EQ(funnel.failed, 1);
  EXPECT_EQ(funnel.open, 1);
  EXPECT_EQ(funnel.median_completed, std::nullopt);
  EXPECT_EQ(At(funnel, v1::STEP_UNSPECIFIED).reached, 6);
  EXPECT_EQ(At(funnel, v1::STEP_UNSPECIFIED).dropped, 1);
  EXPECT_EQ(At(funnel, kBrowser).reached, 5);
  EXPECT_EQ(At(funnel, kBrowser).dropped, 4);
  std::vector<std::string> shown;
  for (const DropOff& drop_off : funnel.drop_offs) {
    const auto* aborted = std::get_if<Aborted>(&drop_off.outcome);
    shown.push_back(absl::StrCat(drop_off.step, " ", aborted ? aborted->reason : 0, " ", drop_off.flows));
  }
  EXPECT_THAT(shown, ElementsAre("0 1 1", "1 1 2", "1 3 1", "1 0 1")) << "steps in order, at each the most frequent";
}

TEST(FunnelTest, ASecondAttemptIsAnotherVisitOfTheSameFlow) {
  Logs logs;
  const int twice = logs.Start(absl::Minutes(5));
  logs.Step(twice, absl::Seconds(0), kBrowser);
  logs.Add(twice, absl::Seconds(4), ExchangeBegun{.attempt = 1, .code = "c", .until = kNow});
  logs.Add(twice, absl::Seconds(5), CallFailed{v1::ERROR_CLASS_CODE_REFUSED});
  logs.Step(twice, absl::Seconds(6), kBrowser, 2);
  logs.End(twice, absl::Seconds(16), Aborted{v1::ABORT_REASON_USER_CANCELLED});
  const Funnel funnel = logs.Only();
  EXPECT_EQ(At(funnel, kBrowser).reached, 1);
  EXPECT_EQ(At(funnel, kBrowser).dropped, 1) << "where it is now, not the furthest it has been";
  EXPECT_EQ(At(funnel, kBrowser).median, absl::Seconds(4)) << "of two visits the shorter: half take no longer";
  EXPECT_EQ(At(funnel, v1::STEP_CODE_EXCHANGE).reached, 1);
  EXPECT_EQ(At(funnel, v1::STEP_CODE_EXCHANGE).dropped, 0);
}

TEST(FunnelTest, AppSelectAndAppCreateShareAPlace) {
  Logs logs;
  const int both = logs.Start(absl::Minutes(5)), one = logs.Start(absl::Minutes(4));
  logs.Step(both, absl::Seconds(1), v1::STEP_APP_SELECT);
  logs.Step(both, absl::Seconds(2), v1::STEP_APP_CREATE);
  logs.Step(one, absl::Seconds(1), v1::STEP_APP_CREATE);
  const Funnel funnel = logs.Only();
  EXPECT_EQ(funnel.reached_application, 2);
  EXPECT_EQ(At(funnel, v1::STEP_APP_SELECT).reached, 1);
  EXPECT_EQ(At(funnel, v1::STEP_APP_CREATE).reached, 2);
}

TEST(FunnelTest, AFlowBelongsToTheWindowsInWhichItStarted) {
  Logs logs;
  for (const absl::Duration ago : {absl::Hours(30), absl::Hours(24), absl::Minutes(61), absl::Minutes(60)}) {
    logs.Start(ago);
  }
  // It ends in the last hour and started before it.
  logs.End(2, absl::Minutes(60), Completed{});
  const auto windows = logs.Count({.windows = {absl::Hours(1), absl::Hours(24)}});
  EXPECT_EQ(windows[0].funnels.at(0).started, 1);
  EXPECT_EQ(windows[0].funnels.at(0).completed, 0);
  EXPECT_EQ(windows[1].funnels.at(0).started, 3);
  EXPECT_EQ(windows[1].funnels.at(0).completed, 1);
}

TEST(FunnelTest, ProductsAndKindsAreApartAndReauthenticationIsShownOnlyWhenAskedFor) {
  Logs logs;
  logs.Start(absl::Minutes(9), {.product = "zoo"});
  logs.Start(absl::Minutes(8), {.kind = v1::FLOW_KIND_SIGNUP});
  logs.Start(absl::Minutes(7), {.tracked = false});
  logs.Start(absl::Minutes(6), {.kind = v1::FLOW_KIND_REAUTHENTICATION});
  const auto names = [&logs](FunnelChoice choice) {
    std::vector<std::string> names;
    const std::vector<FunnelWindow> windows = logs.Count(std::move(choice));
    for (const Funnel& funnel : windows[0].funnels) {
      names.push_back(absl::StrCat(funnel.product, " ", funnel.kind, " ", funnel.started));
    }
    return names;
  };
  EXPECT_THAT(names({}), ElementsAre("acme 1 1", "acme 2 1", "zoo 1 1")) << "an opted-out flow is counted";
  EXPECT_THAT(names({.product = "zoo"}), ElementsAre("zoo 1 1"));
  EXPECT_THAT(names({.kind = v1::FLOW_KIND_REAUTHENTICATION}), ElementsAre("acme 3 1"));
  EXPECT_THAT(names({.product = "nobody"}), IsEmpty());
}

TEST(FunnelTest, TheLatestFailuresOfEachClassAreKept) {
  Logs logs;
  for (int i = 0; i < 5; ++i) {
    const int flow = logs.Start(absl::Minutes(20 - i));
    logs.End(flow, absl::Seconds(1), Failed{v1::ERROR_CLASS_PROVIDER_TIMEOUT});
  }
  const int late = logs.Start(absl::Minutes(30));
  logs.End(late, absl::Minutes(29), Failed{v1::ERROR_CLASS_CLIENT_PROFILE_WRITE});
  const Funnel funnel = logs.Only();
  ASSERT_THAT(funnel.failures, SizeIs(2));
  EXPECT_EQ(funnel.failures[0].error_class, v1::ERROR_CLASS_CLIENT_PROFILE_WRITE);
  EXPECT_EQ(funnel.failures[0].latest.at(0).time, kNow - absl::Minutes(1));
  EXPECT_EQ(funnel.failures[1].flows, 5);
  std::vector<FlowId> ids;
  for (const Failure& failure : funnel.failures[1].latest) ids.push_back(failure.flow_id);
  EXPECT_THAT(ids, ElementsAre(Logs::IdOf(4), Logs::IdOf(3), Logs::IdOf(2)));
}

TEST(FunnelTest, MoreRowsThanMayBeReadCutTheWindow) {
  Logs logs;
  for (int i = 0; i < 10; ++i) {
    const int flow = logs.Start(absl::Minutes(30 - i));
    logs.End(flow, absl::Seconds(1), Completed{});
  }
  const auto all = logs.Count({.max_rows = 20});
  EXPECT_FALSE(all[0].cut());
  EXPECT_EQ(all[0].funnels.at(0).started, 10);
  // The half of a flow is no flow.
  const auto cut = logs.Count({.windows = {absl::Hours(1), absl::Minutes(22)}, .max_rows = 5});
  EXPECT_TRUE(cut[0].cut());
  EXPECT_EQ(cut[0].from, kNow - absl::Minutes(23) + absl::Seconds(1));
  EXPECT_EQ(cut[0].funnels.at(0).started, 2);
  EXPECT_FALSE(cut[1].cut()) << "what was left out is older than this window";
}

TEST(FunnelTest, ItStopsReadingWhereNothingYoungerCanFollow) {
  Logs logs;
  logs.Start(absl::Hours(2));
  logs.Start(absl::Minutes(5));
  FunnelCounter counter({.windows = {absl::Hours(1)}}, kNow);
  const auto row = [](absl::Duration ago) {
    return LogRow{.flow_id = Logs::IdOf(7), .entry = {.number = 2, .time = kNow - ago, .what = Attached{}}};
  };
  EXPECT_TRUE(counter.Add(row(absl::Minutes(5))));
  EXPECT_TRUE(counter.Add(row(absl::Minutes(60) + kRowDisorder)));
  EXPECT_FALSE(counter.Add(row(absl::Minutes(60) + kRowDisorder + absl::Microseconds(1))));
  EXPECT_FALSE(counter.Finish()[0].cut());
}

}  // namespace
}  // namespace authflow
