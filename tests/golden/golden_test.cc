// Each row of the catalogue (docs/events.md) against whole messages written by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include "server/events/event.h"
#include "server/events/segment.h"
#include "tests/golden/difference.h"

namespace authflow {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

const char kFolder[] = "tests/golden";
const FlowId kFlow = *Uuid::Parse("019ac5a0-4c8b-8abc-9def-0123456789ab");
const InvocationId kInvocation = *Uuid::Parse("019ac5a0-4c8b-7d3e-a1f2-b3c4d5e6f708");
// Beyond the millisecond there is something to cut off.
const absl::Time kNow = absl::FromUnixNanos(1'795'527'406'123'999'999);

// What the store adds to an event.
struct Context {
  std::string user_id;
  std::string command;
  std::vector<std::string> flags;
  int sequence = 0;
  bool is_ci = false;
  bool known = true;  // app, context, version, operating system and applications
};

v1::FunnelEvent Complete(const Event& event, const Context& context) {
  v1::FunnelEvent complete = event.body;
  complete.set_message_id("00000000-0000-5000-8000-000000000001");
  complete.mutable_time()->set_seconds(absl::ToUnixSeconds(event.time));
  complete.mutable_time()->set_nanos(static_cast<int32_t>(absl::ToUnixNanos(event.time) % 1'000'000'000));
  complete.set_sequence(context.sequence);
  complete.set_user_id(context.user_id);
  auto* invocation = complete.mutable_invocation();
  invocation->set_invocation_id(kInvocation.ToString());
  invocation->set_anonymous_id("3f1c8a52-7d0e-4b6f-9a43-5c2e8d10b7f6");
  invocation->set_user_id("another-user: a claim that the event's own user_id has replaced");
  invocation->set_command(context.command);
  for (const auto& flag : context.flags) invocation->add_flags(flag);
  invocation->set_is_ci(context.is_ci);
  if (context.known) {
    invocation->set_app_id("APP1");
    invocation->set_cli_context("terminal");
    invocation->set_version("1.4.2");
    invocation->set_operating_system("linux");
    invocation->set_configured_applications(2);
  }
  return complete;
}

Event Completed(int exit_code, absl::Duration duration, const std::string& error_class, bool user_cancelled) {
  v1::CommandCompleted completed;
  completed.set_exit_code(exit_code);
  completed.mutable_duration()->set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  completed.mutable_duration()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  completed.set_error_class(error_class);
  completed.set_user_cancelled(user_cancelled);
  return CommandCompletedEvent("demo", "device", kInvocation, completed, kNow);
}

Event Aborted(v1::Step step, v1::AbortReason reason) {
  return AuthAbortedEvent(kFlow, v1::FLOW_KIND_LOGIN, step, reason, kNow);
}

struct Case {
  std::string file;
  v1::FunnelEvent event;
  std::optional<v1::IdentityTraits> traits = std::nullopt;
};

std::vector<Case> Cases() {
  const std::vector<std::string> two = {"json", "region"};
  const Context list = {.user_id = "user-1", .command = "tool apps list", .flags = two, .sequence = 1};
  const Context list_end = {.user_id = "user-1", .command = "tool apps list", .flags = two, .sequence = 4};
  const Context list_unknown_user = {.command = "tool apps list", .flags = two, .sequence = 4};
  const Context bare = {.command = "tool apps list", .sequence = 1, .is_ci = true, .known = false};
  const Context login = {.command = "tool auth login", .sequence = 2};
  const Context login_end = {.command = "tool auth login", .sequence = 3};
  const Context login_end_user = {.user_id = "user-1", .command = "tool auth login", .sequence = 3};
  const Context signup = {.command = "tool auth signup", .flags = {"no-browser"}, .sequence = 2, .is_ci = true};
  const Context signup_end = {.command = "tool auth signup", .sequence = 3};
  const Context logout = {.user_id = "user-1", .command = "tool auth logout", .sequence = 2};
  const Context identify = {.user_id = "user-1", .command = "tool auth login"};
  const Context identify_bare = {.user_id = "user-1", .command = "tool auth login", .is_ci = true, .known = false};
  v1::IdentityTraits ada;
  ada.set_email("ada@example.com");
  ada.set_name("Ada Lovelace");

  const Event invoked = CommandInvokedEvent("demo", "device", kInvocation, kNow);
  return {
      {"command_invoked.json", Complete(invoked, list)},
      {"command_invoked_ci.json", Complete(invoked, bare)},
      // Neither word of an error goes out with a success, whatever a client says.
      {"command_completed_ok.json", Complete(Completed(0, absl::Microseconds(1'234'999), "stray", true), list_end)},
      {"command_completed_error.json",
       Complete(Completed(1, absl::ZeroDuration(), "network.Timeout", false), list_end)},
      {"command_completed_cancelled.json",
       Complete(Completed(2, absl::Milliseconds(61'500), "", true), list_unknown_user)},
      {"started_login.json", Complete(AuthStartedEvent(kFlow, v1::FLOW_KIND_LOGIN, false, kNow), login)},
      {"started_signup.json", Complete(AuthStartedEvent(kFlow, v1::FLOW_KIND_SIGNUP, true, kNow), signup)},
      {"completed.json",
       Complete(AuthCompletedEvent(kFlow, v1::FLOW_KIND_LOGIN, absl::Milliseconds(30'250), kNow), login_end_user)},
      {"aborted_user_cancelled.json",
       Complete(Aborted(v1::STEP_APP_SELECT, v1::ABORT_REASON_USER_CANCELLED), login_end_user)},
      {"aborted_denied.json", Complete(Aborted(v1::STEP_BROWSER_WAIT, v1::ABORT_REASON_DENIED), login_end)},
      {"aborted_client_lost.json", Complete(Aborted(v1::STEP_BROWSER_WAIT, v1::ABORT_REASON_CLIENT_LOST), login_end)},
      {"aborted_expired.json", Complete(Aborted(v1::STEP_UNSPECIFIED, v1::ABORT_REASON_EXPIRED), login_end)},
      {"failed.json", Complete(AuthFailedEvent(kFlow, v1::FLOW_KIND_LOGIN, v1::STEP_PROFILE_CONFIGURE,
                                               absl::Seconds(42), v1::ERROR_CLASS_CLIENT_PROFILE_WRITE, kNow),
                               login_end_user)},
      {"failed_before_first_step.json",
       Complete(AuthFailedEvent(kFlow, v1::FLOW_KIND_SIGNUP, v1::STEP_UNSPECIFIED, absl::Milliseconds(7),
                                v1::ERROR_CLASS_PROVIDER_UNREACHABLE, kNow),
                signup_end)},
      {"logout.json", Complete(AuthLogoutEvent("fingerprint", kNow), logout)},
      {"identify_full.json", Complete(IdentifyEvent(kFlow, 5, "sealed", kNow), identify), ada},
      {"identify_minimal.json", Complete(IdentifyEvent(kFlow, 5, "", kNow), identify_bare)},
  };
}

Json Read(const std::string& file) {
  std::ifstream stream(std::filesystem::path(kFolder) / file);
  return Json::parse(stream, nullptr, /*allow_exceptions=*/false);
}

// Through text, as on the wire.
Json Rendered(const Case& row) { return Json::parse(ToSegment(row.event, row.traits).dump()); }

TEST(GoldenTest, EveryMessageIsAsWrittenByHand) {
  for (const Case& row : Cases()) {
    const Json expected = Read(row.file);
    ASSERT_TRUE(expected.is_object()) << row.file;
    EXPECT_THAT(Differences(expected, Rendered(row)), IsEmpty()) << row.file;
  }
}

TEST(GoldenTest, EveryFileIsUsed) {
  std::set<std::string> used;
  for (const Case& row : Cases()) used.insert(row.file);
  std::set<std::string> there;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".json") there.insert(entry.path().filename());
  }
  EXPECT_EQ(used, there);
}

TEST(GoldenTest, EveryEventOfTheCatalogueAndEveryReasonHasAFile) {
  std::set<int> events;
  std::set<std::string> reasons;
  for (const Case& row : Cases()) {
    events.insert(row.event.event_case());
    if (row.event.has_auth_aborted()) reasons.insert(Rendered(row)["properties"]["reason"]);
  }
  const auto* descriptor = v1::FunnelEvent::descriptor()->FindOneofByName("event");
  ASSERT_NE(descriptor, nullptr);
  for (int i = 0; i < descriptor->field_count(); ++i) {
    EXPECT_TRUE(events.contains(descriptor->field(i)->number())) << descriptor->field(i)->name();
  }
  EXPECT_EQ(reasons.size(), static_cast<size_t>(v1::AbortReason_descriptor()->value_count() - 1));
}

TEST(DifferencesTest, AMissingAnUnknownAndAChangedFieldFail) {
  const Json expected = Json::parse(R"({"a": 1, "b": {"c": [1, 2]}, "n": null})");
  EXPECT_THAT(Differences(expected, expected), IsEmpty());
  const std::vector<std::pair<std::string, std::string>> table = {
      {R"({"a": 1, "b": {"c": [1, 2]}})", "/n: missing"},
      {R"({"a": 1, "b": {"c": [1, 2]}, "n": null, "x": 3})", "/x: unknown, is 3"},
      {R"({"a": 2, "b": {"c": [1, 2]}, "n": null})", "/a: expected 1, is 2"},
      {R"({"a": 1, "b": {"c": [2, 1]}, "n": null})", "/b/c/0: expected 1, is 2"},
      {R"({"a": 1, "b": {"c": [1]}, "n": null})", "/b/c: expected [1,2], is [1]"},
      {R"({"a": true, "b": {"c": [1, 2]}, "n": null})", "/a: expected 1, is true (boolean)"},
      {R"({"a": "1", "b": {"c": [1, 2]}, "n": null})", "/a: expected 1, is \"1\" (string)"},
      {R"({"a": 1.0, "b": {"c": [1, 2]}, "n": null})", "/a: expected 1, is 1.0 (number)"},
      {R"({"a": 1, "b": {"c": [1, 2]}, "n": []})", "/n: expected null, is [] (array)"},
  };
  for (const auto& [text, difference] : table) {
    const auto differences = Differences(expected, Json::parse(text));
    ASSERT_FALSE(differences.empty()) << text;
    std::string unquoted = difference;
    for (size_t at; (at = unquoted.find("\\\"")) != std::string::npos;) unquoted.erase(at, 1);
    EXPECT_EQ(differences[0], unquoted);
  }
}

}  // namespace
}  // namespace authflow
