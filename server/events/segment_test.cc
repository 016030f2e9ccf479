// Whole messages are compared with hand-written ones in tests/golden; here are the rules that no single message shows.
#include "server/events/segment.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "server/events/event.h"
#include "server/events/traits.h"

namespace authflow {
namespace {

const FlowId kFlow = *Uuid::Parse("01890a5d-ac96-8b7e-8f00-0123456789ab");
const absl::Time kNow = absl::FromUnixMillis(1'795'500'000'123);

// As the store completes it.
v1::FunnelEvent Complete(Event event) {
  v1::FunnelEvent complete = std::move(event.body);
  complete.set_message_id(event.message_id.ToString());
  const int64_t nanos = absl::ToUnixNanos(event.time);
  complete.mutable_time()->set_seconds(nanos / 1'000'000'000);
  complete.mutable_time()->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
  complete.mutable_invocation()->set_anonymous_id("device");
  return complete;
}

std::vector<std::string> Names(const nlohmann::ordered_json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;
}

TEST(SegmentTest, BasePropertiesAreWrittenLast) {
  auto event = Complete(AuthFailedEvent(kFlow, v1::FLOW_KIND_LOGIN, v1::STEP_APPS_FETCH, absl::Milliseconds(1500),
                                        v1::ERROR_CLASS_PROVIDER_TIMEOUT, kNow));
  const auto message = ToSegment(event, std::nullopt);
  EXPECT_EQ(Names(message["properties"]),
            (std::vector<std::string>{"flow", "step", "duration_ms", "error_class", "flow_id", "invocation_id",
                                      "app_id", "command", "flags", "sequence", "cli_context", "version",
                                      "operating_system", "configured_applications", "is_ci"}));
}

TEST(SegmentTest, UserIdIsAbsentUntilKnown) {
  auto event = Complete(AuthStartedEvent(kFlow, v1::FLOW_KIND_LOGIN, false, kNow));
  EXPECT_FALSE(ToSegment(event, std::nullopt).contains("userId"));
  event.set_user_id("u1");
  EXPECT_EQ(ToSegment(event, std::nullopt)["userId"], "u1");
}

TEST(SegmentTest, FlagsAreNullWhenEmptyAndKeepTheirOrder) {
  auto event = Complete(AuthStartedEvent(kFlow, v1::FLOW_KIND_LOGIN, false, kNow));
  EXPECT_TRUE(ToSegment(event, std::nullopt)["properties"]["flags"].is_null());
  event.mutable_invocation()->add_flags("region");
  event.mutable_invocation()->add_flags("app-name");
  EXPECT_EQ(ToSegment(event, std::nullopt)["properties"]["flags"].dump(), R"(["region","app-name"])");
}

TEST(SegmentTest, EveryStepAndReasonHasItsName) {
  const std::vector<std::pair<v1::Step, std::string>> steps = {
      {v1::STEP_UNSPECIFIED, ""},          {v1::STEP_BROWSER_WAIT, "browser_wait"},
      {v1::STEP_APP_SELECT, "app_select"}, {v1::STEP_CODE_EXCHANGE, "code_exchange"},
      {v1::STEP_APPS_FETCH, "apps_fetch"}, {v1::STEP_PROFILE_CONFIGURE, "profile_configure"},
      {v1::STEP_APP_CREATE, "app_create"},
  };
  ASSERT_EQ(steps.size(), static_cast<size_t>(v1::Step_descriptor()->value_count()));
  for (const auto& [step, name] : steps) {
    const auto event =
        Complete(AuthAbortedEvent(kFlow, v1::FLOW_KIND_SIGNUP, step, v1::ABORT_REASON_CLIENT_LOST, kNow));
    EXPECT_EQ(ToSegment(event, std::nullopt)["properties"]["step"], name);
  }
}

TEST(SegmentTest, AnErrorClassIsAbsentOnSuccessAndThereOnEveryError) {
  for (const auto& [exit_code, error] :
       std::vector<std::pair<int, bool>>{{0, false}, {1, true}, {2, true}, {4, true}}) {
    v1::CommandCompleted completed;
    completed.set_exit_code(exit_code);
    completed.set_error_class("stray");
    completed.set_user_cancelled(true);
    const auto event = Complete(CommandCompletedEvent("demo", "device", kFlow, completed, kNow));
    const auto properties = ToSegment(event, std::nullopt)["properties"];
    EXPECT_EQ(properties["succeeded"], !error);
    EXPECT_EQ(properties.contains("error_class"), error) << exit_code;
    EXPECT_EQ(properties.contains("user_cancelled"), error) << exit_code;
  }
}

TEST(SegmentTest, TimesAreCutToMilliseconds) {
  EXPECT_EQ(SegmentTime(absl::FromUnixNanos(999'999)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(SegmentTime(kNow), "2026-11-24T06:00:00.123Z");
}

TEST(SegmentTest, TextIsEscapedAsJson) {
  auto event = Complete(AuthStartedEvent(kFlow, v1::FLOW_KIND_LOGIN, false, kNow));
  event.mutable_invocation()->set_command("quote \" backslash \\ umlaut \xc3\xa4");
  const auto text = ToSegment(event, std::nullopt).dump();
  EXPECT_NE(text.find("quote \\\" backslash \\\\ umlaut \xc3\xa4\""), std::string::npos) << text;
}

class TraitsTest : public testing::Test {
 protected:
  const Keys keys_{{Secret(std::string(32, 'k'))}};
};

TEST_F(TraitsTest, OpenInTheirOwnFlowAlone) {
  v1::IdentityTraits traits;
  traits.set_email("ada@example.com");
  traits.set_name("Ada");
  auto event = Complete(IdentifyEvent(kFlow, 4, SealTraits(keys_, kFlow, traits), kNow));
  EXPECT_EQ(event.SerializeAsString().find("example.com"), std::string::npos);
  const auto opened = OpenTraits(keys_, event);
  ASSERT_TRUE(opened.ok()) << opened.status();
  ASSERT_TRUE(opened->has_value());
  EXPECT_EQ((*opened)->email(), "ada@example.com");
  EXPECT_EQ((*opened)->name(), "Ada");

  event.set_flow_id(Uuid().ToString());
  EXPECT_EQ(OpenTraits(keys_, event).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(TraitsTest, AnotherServersKeyDoesNotOpenThem) {
  v1::IdentityTraits traits;
  traits.set_email("ada@example.com");
  const auto event = Complete(IdentifyEvent(kFlow, 4, SealTraits(keys_, kFlow, traits), kNow));
  const Keys other({Secret(std::string(32, 'o'))});
  EXPECT_EQ(OpenTraits(other, event).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(TraitsTest, TheSealIsThatOfTheKeysOverTheFlowId) {
  v1::IdentityTraits traits;
  traits.set_name("Ada");
  const std::string sealed = keys_.Seal(traits.SerializeAsString(), kFlow.ToString());
  const auto opened = OpenTraits(keys_, Complete(IdentifyEvent(kFlow, 4, sealed, kNow)));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ((*opened)->name(), "Ada");
}

TEST_F(TraitsTest, NothingKnownIsNothingSealed) {
  EXPECT_EQ(SealTraits(keys_, kFlow, {}), "");
  const auto opened = OpenTraits(keys_, Complete(IdentifyEvent(kFlow, 4, "", kNow)));
  ASSERT_TRUE(opened.ok());
  EXPECT_FALSE(opened->has_value());
}

}  // namespace
}  // namespace authflow
