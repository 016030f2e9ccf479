#include "server/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace authflow {
namespace {

using ::testing::HasSubstr;

class MetricsTest : public ::testing::Test {
 protected:
  // The value of one row, written as in the text format; -1 if there is none.
  double Value(const std::string& row) {
    std::istringstream text(metrics_.Text());
    for (std::string line; std::getline(text, line);) {
      if (line.rfind(row + " ", 0) == 0) return std::stod(line.substr(row.size() + 1));
    }
    return -1;
  }

  // Lets `flow_` go on and tells the observer.
  void Add(What what, absl::Duration after = absl::Seconds(1)) {
    time_ += after;
    const Entry entry{flow_.length + 1, time_, std::move(what)};
    const Flow next = flow_.With(entry);
    metrics_.flows().OnEntry(flow_, next, entry);
    flow_ = next;
  }

  void Start(v1::FlowKind kind = v1::FLOW_KIND_LOGIN, bool tracked = true) {
    Header header;
    header.product = "tool";
    header.kind = kind;
    header.tracked = tracked;
    header.start = time_ + absl::Seconds(1);
    flow_ = Flow();
    Add(Started{header});
  }

  Metrics metrics_{"1.2.3", {{"tool", "segment"}, {"other", "none"}}};
  absl::Time time_ = absl::FromUnixSeconds(1'700'000'000);
  Flow flow_;
};

TEST_F(MetricsTest, ACompletedLoginLeavesItsRows) {
  Start();
  Add(Entered{v1::STEP_BROWSER_WAIT, 1});
  Add(Attached{});
  Add(ExchangeBegun{1, "code", time_ + absl::Seconds(30)}, absl::Seconds(8));
  Add(Exchanged{"user", "owner"});
  Add(Entered{v1::STEP_PROFILE_CONFIGURE, 1});
  Add(Ended{Completed{}});
  EXPECT_EQ(Value(R"(authflow_flows_started_total{kind="login",product="tool"})"), 1);
  EXPECT_EQ(Value(R"(authflow_steps_entered_total{kind="login",product="tool",step="browser_wait"})"), 1);
  EXPECT_EQ(Value(R"(authflow_steps_entered_total{kind="login",product="tool",step="code_exchange"})"), 1);
  EXPECT_EQ(Value(R"(authflow_steps_entered_total{kind="login",product="tool",step="profile_configure"})"), 1);
  EXPECT_EQ(Value(R"(authflow_steps_entered_total{kind="login",product="tool",step="app_select"})"), 0);
  EXPECT_EQ(
      Value(
          R"(authflow_flows_finished_total{error_class="",kind="login",outcome="completed",product="tool",reason="",step="profile_configure"})"),
      1);
  EXPECT_EQ(Value(R"(authflow_flow_duration_seconds_sum{kind="login",outcome="completed",product="tool"})"), 13);
  EXPECT_EQ(Value(R"(authflow_step_duration_seconds_sum{kind="login",product="tool",step="browser_wait"})"), 9);
  EXPECT_EQ(Value(R"(authflow_step_duration_seconds_count{kind="login",product="tool",step="code_exchange"})"), 1);
  EXPECT_EQ(Value(R"(authflow_step_duration_seconds_count{kind="login",product="tool",step="profile_configure"})"), 1);
}

TEST_F(MetricsTest, AbortedAndFailedFlowsSayWhereAndWhy) {
  Start(v1::FLOW_KIND_SIGNUP);
  Add(Entered{v1::STEP_BROWSER_WAIT, 1});
  Add(Ended{Aborted{v1::ABORT_REASON_USER_CANCELLED}});
  EXPECT_EQ(
      Value(
          R"(authflow_flows_finished_total{error_class="",kind="signup",outcome="aborted",product="tool",reason="user_cancelled",step="browser_wait"})"),
      1);
  Start();
  Add(Ended{Failed{v1::ERROR_CLASS_PROVIDER_UNREACHABLE}});
  EXPECT_EQ(
      Value(
          R"(authflow_flows_finished_total{error_class="PROVIDER_UNREACHABLE",kind="login",outcome="failed",product="tool",reason="",step=""})"),
      1);
}

TEST_F(MetricsTest, TheRowsOfExpectedEndsAreThereFromTheStart) {
  int rows = 0;
  std::istringstream text(metrics_.Text());
  for (std::string line; std::getline(text, line);) {
    if (line.rfind("authflow_flows_finished_total{", 0) != 0) continue;
    EXPECT_THAT(line, ::testing::EndsWith("} 0"));
    ++rows;
  }
  EXPECT_EQ(rows, 2 * 3 * 115) << "products, kinds, ends: docs/operations.md says so";
  const std::string finished = "authflow_flows_finished_total";
  for (
      const char* row :
      {R"({error_class="",kind="login",outcome="completed",product="tool",reason="",step="code_exchange"})",
       R"({error_class="",kind="signup",outcome="aborted",product="other",reason="expired",step="app_select"})",
       R"({error_class="PROVIDER_TIMEOUT",kind="login",outcome="failed",product="tool",reason="",step=""})",
       R"({error_class="CODE_REFUSED",kind="login",outcome="failed",product="tool",reason="",step="code_exchange"})",
       R"({error_class="CLIENT_PROFILE_WRITE",kind="login",outcome="failed",product="tool",reason="",step="profile_configure"})"}) {
    EXPECT_EQ(Value(finished + row), 0) << row;
  }
  EXPECT_EQ(Value(R"(authflow_flows_started_total{kind="signup",product="other"})"), 0);
}

TEST_F(MetricsTest, ASecondAttemptEntersTheBrowserAgain) {
  Start();
  Add(Entered{v1::STEP_BROWSER_WAIT, 1});
  Add(Entered{v1::STEP_BROWSER_WAIT, 2});
  EXPECT_EQ(Value(R"(authflow_steps_entered_total{kind="login",product="tool",step="browser_wait"})"), 2);
}

TEST_F(MetricsTest, OptedOutFlowsAndReauthenticationsAreCountedToo) {
  Start(v1::FLOW_KIND_LOGIN, /*tracked=*/false);
  Start(v1::FLOW_KIND_REAUTHENTICATION, /*tracked=*/false);
  EXPECT_EQ(Value(R"(authflow_flows_started_total{kind="login",product="tool"})"), 1);
  EXPECT_EQ(Value(R"(authflow_flows_started_total{kind="reauthentication",product="tool"})"), 1);
}

TEST_F(MetricsTest, CallsAreCountedByResult) {
  auto& flows = metrics_.flows();
  flows.OnCall("tool", "exchange", absl::OkStatus(), absl::Milliseconds(20));
  flows.OnCall("tool", "exchange", Refusal(v1::ERROR_CLASS_CODE_REFUSED, "no"), absl::Milliseconds(20));
  flows.OnCall("tool", "list", absl::OkStatus(), absl::Milliseconds(1));
  flows.OnCall("tool", "create", Refusal(v1::ERROR_CLASS_APPLICATION_NAME_TAKEN, "no"), absl::Milliseconds(1));
  flows.OnCall("tool", "refresh", absl::UnknownError("no class"), absl::Milliseconds(1));
  EXPECT_EQ(Value(R"(authflow_code_exchanges_total{product="tool",result="ok"})"), 1);
  EXPECT_EQ(Value(R"(authflow_code_exchanges_total{product="tool",result="CODE_REFUSED"})"), 1);
  EXPECT_EQ(Value(R"(authflow_code_exchange_duration_seconds_count{product="tool"})"), 2);
  EXPECT_EQ(Value(R"(authflow_application_calls_total{call="list",product="tool",result="ok"})"), 1);
  EXPECT_EQ(Value(R"(authflow_application_calls_total{call="create",product="tool",result="APPLICATION_NAME_TAKEN"})"),
            1);
  EXPECT_EQ(Value(R"(authflow_application_call_duration_seconds_count{call="create",product="tool"})"), 1);
  EXPECT_EQ(Value(R"(authflow_token_calls_total{call="refresh",product="tool",result="other"})"), 1);
}

TEST_F(MetricsTest, GaugesFollowTheStore) {
  metrics_.SetFlowTotals({{"tool", v1::FLOW_KIND_LOGIN, 10, 4, 2, 1, 3}});
  EXPECT_EQ(Value(R"(authflow_flows_recorded_total{kind="login",product="tool",state="started"})"), 10);
  EXPECT_EQ(Value(R"(authflow_flows_recorded_total{kind="login",product="tool",state="completed"})"), 4);
  EXPECT_EQ(Value(R"(authflow_flows_recorded_total{kind="login",product="tool",state="aborted"})"), 2);
  EXPECT_EQ(Value(R"(authflow_flows_recorded_total{kind="login",product="tool",state="failed"})"), 1);
  EXPECT_EQ(Value(R"(authflow_active_flows{kind="login",product="tool"})"), 3);
  metrics_.SetFlowTotals({{"tool", v1::FLOW_KIND_LOGIN, 10, 7, 2, 1, 0}});
  EXPECT_EQ(Value(R"(authflow_flows_recorded_total{kind="login",product="tool",state="completed"})"), 7);
  EXPECT_EQ(Value(R"(authflow_active_flows{kind="login",product="tool"})"), 0);

  metrics_.SetOutbox({{"tool", 5, 2, time_ - absl::Seconds(7)}}, time_);
  EXPECT_EQ(Value(R"(authflow_outbox_events{product="tool",state="pending"})"), 5);
  EXPECT_EQ(Value(R"(authflow_outbox_events{product="tool",state="dead"})"), 2);
  EXPECT_EQ(Value(R"(authflow_outbox_oldest_age_seconds{product="tool"})"), 7);
  metrics_.SetOutbox({}, time_);
  EXPECT_EQ(Value(R"(authflow_outbox_events{product="tool",state="pending"})"), 0);
  EXPECT_EQ(Value(R"(authflow_outbox_oldest_age_seconds{product="tool"})"), 0);
}

TEST_F(MetricsTest, CommitsAndDeliveries) {
  metrics_.storage().OnCommit(3, absl::Milliseconds(1), absl::OkStatus());
  metrics_.storage().OnCommit(1, absl::Milliseconds(1), Refusal(v1::ERROR_CLASS_STORE_FULL, "full"));
  EXPECT_EQ(Value("authflow_store_commit_batch_size_sum"), 4);
  EXPECT_EQ(Value("authflow_store_commit_duration_seconds_count"), 2);
  EXPECT_EQ(Value(R"(authflow_store_commit_failures_total{reason="STORE_FULL"})"), 1);

  metrics_.delivery().OnDelivery("tool", "segment", "delivered", "", 4, absl::Milliseconds(30));
  metrics_.delivery().OnDelivery("tool", "segment", "retry", "503", 4, absl::Milliseconds(30));
  metrics_.delivery().OnDelivery("tool", "segment", "dead", "400", 2, absl::ZeroDuration());
  EXPECT_EQ(Value(R"(authflow_deliveries_total{product="tool",result="delivered",sink="segment"})"), 1);
  EXPECT_EQ(Value(R"(authflow_deliveries_total{product="tool",result="retry",sink="segment"})"), 1);
  EXPECT_EQ(Value(R"(authflow_delivered_events_total{product="tool",sink="segment"})"), 4);
  EXPECT_EQ(Value(R"(authflow_dead_events_total{product="tool",sink="segment"})"), 2);
  EXPECT_EQ(Value(R"(authflow_delivery_duration_seconds_count{product="tool",sink="segment"})"), 2);
}

TEST_F(MetricsTest, RpcsAreNamedAsInTheGoEcosystem) {
  metrics_.rpc().OnRpcStarted(RpcMethodIndex("StartFlow"));
  RpcRecord record;
  record.method = RpcMethodIndex("StartFlow");
  record.code = absl::StatusCode::kInvalidArgument;
  record.latency = absl::Milliseconds(2);
  metrics_.rpc().OnRpcHandled(record);
  const std::string labels = R"(grpc_method="StartFlow",grpc_service="authflow.v1.FlowService",grpc_type="unary")";
  EXPECT_EQ(Value("grpc_server_started_total{" + labels + "}"), 1);
  EXPECT_EQ(Value(R"(grpc_server_handled_total{grpc_code="InvalidArgument",)" + labels + "}"), 1);
  EXPECT_EQ(Value(R"(grpc_server_handled_total{grpc_code="OK",)" + labels + "}"), 0);
  EXPECT_EQ(Value("grpc_server_handling_seconds_count{" + labels + "}"), 1);
  EXPECT_THAT(metrics_.Text(), HasSubstr(R"(grpc_type="server_stream")"));
}

TEST_F(MetricsTest, EveryFamilyHasHelpTypeAndARowFromTheStart) {
  std::istringstream text(metrics_.Text());
  std::set<std::string> help;
  std::set<std::string> rows;
  std::vector<std::string> types;
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string hash;
    std::string what;
    std::string name;
    words >> hash >> what >> name;
    if (what == "HELP") {
      help.insert(name);
    } else if (what == "TYPE") {
      types.push_back(name);
    } else {
      rows.insert(line.substr(0, line.find_first_of("{ ")));
    }
  }
  EXPECT_GE(types.size(), 25u);
  for (const std::string& name : types) {
    EXPECT_TRUE(help.count(name)) << name;
    EXPECT_TRUE(rows.count(name) || rows.count(name + "_bucket")) << name;
  }
  EXPECT_EQ(Value(R"(authflow_build_info{version="1.2.3"})"), 1);
}

TEST_F(MetricsTest, NoIncrementIsLostAmongThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this]() {
      for (int n = 0; n < 1000; ++n) {
        metrics_.flows().OnCall("tool", "exchange", Refusal(v1::ERROR_CLASS_PROVIDER_TIMEOUT, ""), {});
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(Value(R"(authflow_code_exchanges_total{product="tool",result="PROVIDER_TIMEOUT"})"), 4000);
}

}  // namespace
}  // namespace authflow
