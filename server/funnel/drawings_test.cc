// The same funnel as JSON and in a terminal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/funnel/json.h"
#include "server/funnel/terminal.h"
#include "server/funnel/wording.h"

namespace authflow {
namespace {

using testing::HasSubstr;
using testing::Not;

// 2023-11-14 22:13:20 UTC.
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

FunnelWindow Window() {
  Funnel funnel;
  funnel.product = "acme";
  funnel.kind = v1::FLOW_KIND_LOGIN;
  funnel.started = 8;
  funnel.completed = 4;
  funnel.aborted = 2;
  funnel.failed = 1;
  funnel.open = 1;
  funnel.median_completed = absl::Milliseconds(12345);
  funnel.reached_application = 4;
  const int64_t reached[] = {8, 7, 4, 4, 3, 1, 4}, dropped[] = {1, 2, 0, 0, 0, 0, 0};
  for (size_t i = 0; i < kFunnelSteps.size(); ++i) {
    funnel.steps[i] = {.step = kFunnelSteps[i], .reached = reached[i], .dropped = dropped[i], .median = std::nullopt};
  }
  funnel.steps[1].median = absl::Milliseconds(2500);
  const FlowId id = *Uuid::Parse("019ac5a0-4c8b-8abc-9def-0123456789ab");
  funnel.drop_offs = {{.step = v1::STEP_UNSPECIFIED, .outcome = Failed{v1::ERROR_CLASS_PROVIDER_TIMEOUT}, .flows = 1},
                      {.step = v1::STEP_BROWSER_WAIT, .outcome = Aborted{v1::ABORT_REASON_USER_CANCELLED}, .flows = 2}};
  funnel.failures = {{.error_class = v1::ERROR_CLASS_PROVIDER_TIMEOUT,
                      .flows = 1,
                      .latest = {{.time = kNow - absl::Minutes(3), .flow_id = id, .step = v1::STEP_UNSPECIFIED}}}};
  const absl::Time since = kNow - absl::Hours(24);
  return {.since = since, .until = kNow, .from = since, .funnels = {funnel}};
}

TEST(WordingTest, WindowsAreDurationsOrDays) {
  EXPECT_EQ(ParseWindow("90m"), absl::Minutes(90));
  EXPECT_EQ(ParseWindow("24h"), absl::Hours(24));
  EXPECT_EQ(ParseWindow("7d"), absl::Hours(7 * 24));
  for (const char* wrong : {"", "d", "7", "1s", "-1h", "367d", "inf", "99999999999d", "1w"}) {
    EXPECT_EQ(ParseWindow(wrong), std::nullopt) << wrong;
  }
  EXPECT_EQ(WindowName(absl::Hours(1)), "hour");
  EXPECT_EQ(WindowName(absl::Hours(24)), "24 hours");
  EXPECT_EQ(WindowName(absl::Hours(7 * 24)), "7 days");
  EXPECT_EQ(WindowName(absl::Minutes(90)), "1 h 30 min");
}

TEST(WordingTest, NumbersAreShownAsPeopleReadThem) {
  EXPECT_EQ(ShowDuration(std::nullopt), "-");
  EXPECT_EQ(ShowDuration(absl::Milliseconds(999)), "999 ms");
  EXPECT_EQ(ShowDuration(absl::Milliseconds(59'999)), "59.9 s");
  EXPECT_EQ(ShowDuration(absl::Seconds(125)), "2 min 5 s");
  EXPECT_EQ(ShowDuration(absl::Minutes(63)), "1 h 3 min");
  EXPECT_EQ(ShowShare(1, 0), "-");
  EXPECT_EQ(ShowShare(0, 9), "0 %");
  EXPECT_EQ(ShowShare(1, 4), "25 %");
  EXPECT_EQ(ShowShare(1, 1000), "0.1 %") << "not nothing";
  EXPECT_EQ(ShowShare(999, 1000), "99.9 %") << "not all";
  EXPECT_EQ(ShowShare(3, 3), "100 %");
}

TEST(FunnelJsonTest, SaysEveryNumberUnderTheNamesOfTheEvents) {
  EXPECT_EQ(ToJson(Window()), R"({
  "since": "2023-11-13T22:13:20.000Z",
  "until": "2023-11-14T22:13:20.000Z",
  "from": "2023-11-13T22:13:20.000Z",
  "cut": false,
  "funnels": [
    {
      "product": "acme",
      "flow": "login",
      "started": 8,
      "completed": 4,
      "aborted": 2,
      "failed": 1,
      "open": 1,
      "median_completed_ms": 12345,
      "bars": [
        {
          "name": "started",
          "flows": 8,
          "dropped": 1
        },
        {
          "name": "browser_wait",
          "flows": 7,
          "dropped": 2
        },
        {
          "name": "code_exchange",
          "flows": 4,
          "dropped": 0
        },
        {
          "name": "apps_fetch",
          "flows": 4,
          "dropped": 0
        },
        {
          "name": "app_select or app_create",
          "flows": 4,
          "dropped": 0
        },
        {
          "name": "profile_configure",
          "flows": 4,
          "dropped": 0
        },
        {
          "name": "completed",
          "flows": 4,
          "dropped": 0
        }
      ],
      "steps": [
        {
          "step": "",
          "reached": 8,
          "dropped": 1,
          "median_ms": null
        },
        {
          "step": "browser_wait",
          "reached": 7,
          "dropped": 2,
          "median_ms": 2500
        },
        {
          "step": "code_exchange",
          "reached": 4,
          "dropped": 0,
          "median_ms": null
        },
        {
          "step": "apps_fetch",
          "reached": 4,
          "dropped": 0,
          "median_ms": null
        },
        {
          "step": "app_select",
          "reached": 3,
          "dropped": 0,
          "median_ms": null
        },
        {
          "step": "app_create",
          "reached": 1,
          "dropped": 0,
          "median_ms": null
        },
        {
          "step": "profile_configure",
          "reached": 4,
          "dropped": 0,
          "median_ms": null
        }
      ],
      "drop_offs": [
        {
          "step": "",
          "outcome": "failed",
          "error_class": "PROVIDER_TIMEOUT",
          "flows": 1
        },
        {
          "step": "browser_wait",
          "outcome": "aborted",
          "reason": "user_cancelled",
          "flows": 2
        }
      ],
      "failures": [
        {
          "error_class": "PROVIDER_TIMEOUT",
          "flows": 1,
          "latest": [
            {
              "time": "2023-11-14T22:10:20.000Z",
              "flow_id": "019ac5a0-4c8b-8abc-9def-0123456789ab",
              "step": ""
            }
          ]
        }
      ]
    }
  ]
}
)");
}

TEST(TerminalTest, BarsAreAsLongAsTheirShareAndShowWhoEndedThere) {
  const std::string shown = DrawInTerminal(Window(), false);
  EXPECT_THAT(shown, HasSubstr("Flows that started from 2023-11-13 22:13:20 to 2023-11-14 22:13:20 UTC\n"));
  EXPECT_THAT(shown, HasSubstr("acme login: 8 started, 4 completed (50 %), 2 aborted, 1 failed, 1 open\n"
                               "\n"
                               "  started                       8  100 %  ############################----\n"
                               "  browser_wait                  7   88 %  ####################--------\n"
                               "  code_exchange                 4   50 %  ################\n"));
  EXPECT_THAT(shown, HasSubstr("    browser_wait           2.5 s\n    start to completed     12.3 s\n"));
  EXPECT_THAT(shown, HasSubstr("    before the first            1  failed PROVIDER_TIMEOUT\n"
                               "    browser_wait                2  aborted user_cancelled\n"));
  EXPECT_THAT(shown, HasSubstr("    PROVIDER_TIMEOUT (1)\n"
                               "      2023-11-14 22:10:20  019ac5a0-4c8b-8abc-9def-0123456789ab\n"));
  EXPECT_THAT(shown, Not(HasSubstr("Not the whole")));
  EXPECT_THAT(DrawInTerminal(Window(), true), HasSubstr(" ████████████████████████████░░░░\n"));
}

TEST(TerminalTest, SaysWhenThereIsNothingOrNotAll) {
  FunnelWindow window = Window();
  window.funnels.clear();
  window.from = kNow - absl::Hours(2);
  EXPECT_EQ(DrawInTerminal(window, true),
            "Flows that started from 2023-11-14 20:13:20 to 2023-11-14 22:13:20 UTC\n"
            "Not the whole time asked for: earlier flows are more than are read (--max-rows).\n"
            "\nNone.\n");
}

}  // namespace
}  // namespace authflow
