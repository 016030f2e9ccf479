// The second step: the browser, the redirect and the exchange of its code.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "boost/asio/co_spawn.hpp"
#include "boost/asio/detached.hpp"
#include "client/cli/browser.h"
#include "client/cli/login_flow.h"
#include "client/cli/login_pages.h"
#include "client/cli/prompt.h"
#include "client/cli/redirect_targets.h"
#include "client/cli/rpc.h"

namespace authflow {
namespace {

constexpr int kMaxAttempts = 3;
// The server gives the provider two minutes at most.
constexpr CallOptions kExchangeCall = {.deadline = absl::Seconds(150), .retry_for = absl::Seconds(20)};

void SendBrowser(LoginFlow& flow) {
  const Command& command = *flow.command;
  const std::string by_hand =
      absl::StrCat("Open this address in your browser to sign in:\n\n", flow.authorization_url, "\n");
  if (command.options.no_browser) {
    command.out.Say(by_hand);
    return;
  }
  const Output* out = &flow.command->out;
  if (OpenBrowser(command.executor, flow.authorization_url,
                  [out, by_hand] { out->Say(absl::StrCat("The browser could not be opened. ", by_hand)); })) {
    command.out.Say(absl::StrCat("Your browser opens to sign in. If it does not, open this address:\n\n",
                                 flow.authorization_url, "\n"));
  } else {
    command.out.Say(absl::StrCat("No browser was found here. ", by_hand));
  }
}

// One pasted redirect, or the wish to stop.
Task<void> ReadPaste(LoginFlowPtr flow, std::shared_ptr<Event> ended) {
  Question question;
  question.text = "Paste the address that the browser ends at (it is not shown), or wait for the browser";
  question.hidden = true;
  question.problem = [](const std::string& text) {
    return PastedQuery(text) ? "" : "That is not the address of a finished sign-in: it has no \"?\" with an answer.";
  };
  const Line line = co_await Ask(flow->command->terminal, std::move(question));
  if (line.said == Said::kAnswer && !flow->redirect) flow->redirect = Secret(*PastedQuery(line.text));
  if (line.said == Said::kCancel) flow->paste_cancelled = true;
  ended->Set();
  flow->changed.Poke();
}

// Until there is a redirect, or a reason to wait no longer.
Task<absl::Status> AwaitRedirect(LoginFlowPtr flow) {
  const auto& terminal = flow->command->terminal;
  std::shared_ptr<Event> pasting;
  if (terminal && (!flow->listener || flow->command->options.no_browser)) {
    pasting = std::make_shared<Event>(flow->command->executor);
    boost::asio::co_spawn(flow->command->executor, ReadPaste(flow, pasting), boost::asio::detached);
  }
  while (!flow->redirect && !flow->outcome && !flow->paste_cancelled && SteadyNow() < flow->ends) {
    co_await flow->changed.WaitUntil(flow->ends);
  }
  if (pasting) {
    terminal->Interrupt();
    while (!pasting->is_set()) co_await pasting->WaitUntil(SteadyTime::max());
    if (!flow->outcome) terminal->ClearInterrupt();
  }
  if (flow->redirect) co_return absl::OkStatus();
  if (flow->outcome) co_return ErrorOf(*flow->outcome);
  if (flow->paste_cancelled) co_return Cancelled();
  // The flow must be over, and the watch did not say so.
  v1::GetFlowRequest request;
  request.set_flow_token(flow->token.Reveal());
  const auto response = co_await Send(flow->command->client, &Client::GetFlow, std::move(request), kShortCall);
  if (response.ok() && response->flow().has_outcome()) {
    flow->Ended(response->flow().outcome());
    co_return ErrorOf(response->flow().outcome());
  }
  co_return Refusal(v1::ERROR_CLASS_CLIENT_NETWORK, "The time for this sign-in ran out while the server was away.");
}

// The redirect was not this login's: it ends nothing.
bool IsStray(const absl::Status& status) {
  const ErrorClass error_class = ClassOf(status);
  return error_class == v1::ERROR_CLASS_REDIRECT_MALFORMED || error_class == v1::ERROR_CLASS_STATE_MISMATCH;
}

bool IsWorthAnotherAttempt(const absl::Status& status) {
  switch (ClassOf(status)) {
    case v1::ERROR_CLASS_CODE_REFUSED:
    case v1::ERROR_CLASS_CODE_USED:
    case v1::ERROR_CLASS_ANSWER_GONE:
      return true;
    default:
      return IsNetworkError(status);
  }
}

// One attempt: waits for the redirect and exchanges its code.
Task<absl::Status> Attempt(LoginFlowPtr flow) {
  const Command& command = *flow->command;
  flow->redirect.reset();
  if (flow->listener) {
    std::weak_ptr<LoginFlow> weak = flow;
    flow->listener->Expect(flow->state, [weak](std::string query) {
      auto flow = weak.lock();
      if (!flow) return;
      flow->redirect = Secret(std::move(query));
      flow->changed.Poke();
    });
  }
  SendBrowser(*flow);
  for (;;) {
    const absl::Status waited = co_await AwaitRedirect(flow);
    if (!waited.ok()) co_return waited;
    v1::ExchangeCodeRequest request;
    request.set_flow_token(flow->token.Reveal());
    request.set_redirect_query(flow->redirect->Reveal());
    auto response = co_await Send(command.client, &Client::ExchangeCode, std::move(request), kExchangeCall);
    if (response.ok()) {
      flow->signed_in = *std::move(response);
      command.out.Debug("step: code_exchange");
      if (flow->recorded() && flow->signed_in.identity().user_id() != command.invocation.user_id()) {
        command.out.Debug("recorded: identify");
      }
      co_return absl::OkStatus();
    }
    const absl::Status status = response.status();
    if (ClassOf(status) == v1::ERROR_CLASS_DENIED) {
      co_return Refusal(v1::ERROR_CLASS_DENIED, "You declined the sign-in in the browser.");
    }
    if (!IsStray(status)) co_return status;
    command.out.Say(absl::StrCat("An answer of the browser was ignored: ", std::string(status.message())));
    flow->redirect.reset();
    if (flow->listener) flow->listener->AnswerAndGoOn(StrayPage());
  }
}

}  // namespace

Task<absl::Status> BrowserStep(LoginFlowPtr flow) {
  for (int attempt = 1;; ++attempt) {
    const absl::Status entered = co_await EnterStep(flow, v1::STEP_BROWSER_WAIT);
    if (!entered.ok()) co_return entered;
    const absl::Status status = co_await Attempt(flow);
    if (status.ok()) {
      if (flow->listener) {
        flow->listener->Answer(SignedInPage(flow->signed_in.identity()));
        flow->listener->Close();
      }
      co_return status;
    }
    if (!IsWorthAnotherAttempt(status) || attempt == kMaxAttempts || flow->outcome) co_return status;
    if (flow->listener) flow->listener->Answer(AnotherAttemptPage());
    flow->command->out.Say("The sign-in could not be finished this time. Trying once more.");
  }
}

}  // namespace authflow
