#include "client/cli/login_flow.h"

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

Task<absl::Status> EnterStep(LoginFlowPtr flow, v1::Step step) {
  v1::RecordStepRequest request;
  request.set_flow_token(flow->token.Reveal());
  request.set_step(step);
  const auto response = co_await Send(flow->command->client, &Client::RecordStep, std::move(request), kShortCall);
  if (!response.ok()) co_return response.status();
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
