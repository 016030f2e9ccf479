#include "client/cli/login_flow.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/cli/rpc.h"

namespace authflow {

void LoginFlow::Ended(const v1::Outcome& how) {
  if (outcome) return;
  outcome = how;
  if (command->terminal) command->terminal->Interrupt();
  changed.Poke();
}

void LoginFlow::EndsAsIn(const v1::Flow& now) {
  // The two clocks may differ; how long it lasts does not. Rounded down: `begun` is when the answer came, somewhat
  // late.
  const auto lasts = std::chrono::seconds(now.expire_time().seconds() - now.start_time().seconds()) +
                     std::chrono::nanoseconds(now.expire_time().nanos() - now.start_time().nanos());
  ends = begun + std::max(std::chrono::floor<std::chrono::seconds>(lasts), std::chrono::seconds(1));
}

Task<absl::Status> EnterStep(LoginFlowPtr flow, v1::Step step) {
  v1::RecordStepRequest request;
  request.set_flow_token(flow->token.Reveal());
  request.set_step(step);
  auto wait = std::make_unique<WaitLine>(flow->command->executor, flow->command->out,
                                         flow->command->Asking("Asking the authflow server"));
  const auto response = co_await Send(flow->command->client, &Client::RecordStep, std::move(request), kShortCall);
  wait = nullptr;
  if (!response.ok()) co_return response.status();
  flow->EndsAsIn(response->flow());
  if (response->flow().has_outcome()) flow->Ended(response->flow().outcome());
  if (step == v1::STEP_BROWSER_WAIT && !response->authorization_url().empty()) {
    flow->authorization_url = response->authorization_url();
    flow->state = Secret(response->state());
  }
  flow->command->out.Debug(absl::StrCat("step: ", WordOf(step)));
  co_return absl::OkStatus();
}

absl::Status ErrorOf(const v1::Outcome& outcome) {
  switch (outcome.how_case()) {
    case v1::Outcome::kAborted:
      switch (outcome.aborted().reason()) {
        case v1::ABORT_REASON_EXPIRED:
          return Refusal(v1::ERROR_CLASS_FLOW_EXPIRED, "The time for this sign-in ran out.");
        case v1::ABORT_REASON_DENIED:
          return Refusal(v1::ERROR_CLASS_DENIED, "You declined the sign-in in the browser.");
        case v1::ABORT_REASON_CLIENT_LOST:
          return Refusal(v1::ERROR_CLASS_FLOW_FINISHED,
                         "The server lost sight of this terminal and ended the sign-in.");
        default:
          return Refusal(v1::ERROR_CLASS_FLOW_FINISHED, "This sign-in was cancelled elsewhere.");
      }
    case v1::Outcome::kFailed:
      return Refusal(outcome.failed().error_class(),
                     "The server ended this sign-in because a call had failed. Start it again.");
    default:
      return Refusal(v1::ERROR_CLASS_FLOW_FINISHED, "This sign-in was completed elsewhere.");
  }
}

std::string WordOf(v1::Step step) { return absl::AsciiStrToLower(absl::StripPrefix(v1::Step_Name(step), "STEP_")); }

}  // namespace authflow
