// What the steps of one login share, and the steps.
#ifndef AUTHFLOW_CLIENT_CLI_LOGIN_FLOW_H_
#define AUTHFLOW_CLIENT_CLI_LOGIN_FLOW_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authflow/v1/application_service.pb.h"
#include "authflow/v1/flow_service.pb.h"
#include "authflow/v1/token_service.pb.h"
#include "client/authflow_client.h"
#include "client/cli/command.h"
#include "client/cli/event.h"
#include "client/cli/login.h"
#include "client/cli/loopback_listener.h"
#include "server/base/secret.h"
#include "server/base/task.h"

namespace authflow {

// Each step sees what the ones before it left here. For the thread of the command's executor only.
struct LoginFlow {
  LoginFlow(std::shared_ptr<Command> of, LoginPlan plan)
      : command(std::move(of)), plan(plan), changed(command->executor) {}

  const std::shared_ptr<Command> command;
  const LoginPlan plan;
  // Poked whenever something below has changed.
  Event changed;

  // The flow, from StartFlow's answer.
  Call start;
  bool starting = false;               // that answer may still come
  Secret token;                        // empty: there is no flow that we could end
  std::string id;                      // may be known without a token: a flow that ended as it began
  SteadyTime begun;                    // by our clock, as the next
  SteadyTime ends;                     // by itself, if nobody goes on
  std::optional<v1::Outcome> outcome;  // once the server says how it ended
  std::unique_ptr<FlowWatch> watch;    // our sign of life

  // The attempt at the browser.
  std::shared_ptr<LoopbackListener> listener;  // nullptr: the redirect is pasted
  std::string authorization_url;
  Secret state;
  std::optional<Secret> redirect;  // the query that arrived
  bool code_only = false;          // it was made from a pasted code
  bool paste_cancelled = false;

  // The sign-in with a code, beside the browser: see device_step.h.
  bool device_grant = false;  // the provider has it
  bool device = false;        // wanted in this attempt and the next
  bool device_waits = false;
  int device_round = 0;                   // of the wait that counts
  std::optional<SteadyTime> device_ends;  // of the code that is shown
  Call device_call;
  std::optional<absl::StatusOr<v1::AwaitDeviceResponse>> device_answer;

  v1::ExchangeCodeResponse signed_in;
  std::optional<v1::Application> application;
  std::string no_keyring;  // why the tokens are in a file; empty: they are in the keyring
  bool saved = false;      // profile and tokens are in place: from here on the login is completed

  // The server says how the flow ended: who waits is told.
  void Ended(const v1::Outcome& how);
  // The server says when it ends.
  void EndsAsIn(const v1::Flow& now);
  // True: the events of this flow are recorded.
  bool recorded() const { return plan.kind != v1::FLOW_KIND_REAUTHENTICATION && !command->options.do_not_track; }
};

using LoginFlowPtr = std::shared_ptr<LoginFlow>;

// --- The steps in their order. OK, a refusal (CLIENT_* for our own failures), CANCELLED, or a network error.
// ---------------

// Listens, and opens the flow.
Task<absl::Status> StartStep(LoginFlowPtr flow);
// That a login could be kept here is known before a person goes through the browser.
Task<absl::Status> CheckPlaces(LoginFlowPtr flow);
// Sends the browser, waits for the redirect, exchanges its code; up to three times.
Task<absl::Status> BrowserStep(LoginFlowPtr flow);
// Chooses or creates the application. OK without one when the product has no directory.
Task<absl::Status> ApplicationStep(LoginFlowPtr flow);
// Writes profile and tokens.
Task<absl::Status> ProfileStep(LoginFlowPtr flow);

// --- For the steps
// ---------------------------------------------------------------------------------------------------------

// RecordStep, with its authorization URL and state for browser_wait.
Task<absl::Status> EnterStep(LoginFlowPtr flow, v1::Step step);
// How a flow that ended without us ended, as an error.
absl::Status ErrorOf(const v1::Outcome& outcome);
// Lower case, without prefix: "browser_wait".
std::string WordOf(v1::Step step);

// For calls that change little and answer at once.
inline constexpr CallOptions kShortCall = {.deadline = absl::Seconds(20), .retry_for = absl::Seconds(10)};

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_LOGIN_FLOW_H_
