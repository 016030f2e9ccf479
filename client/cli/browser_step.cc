// The second step: the browser, the redirect and the exchange of its code.
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "boost/asio/co_spawn.hpp"
#include "boost/asio/detached.hpp"
#include "client/cli/browser.h"
#include "client/cli/device_step.h"
#include "client/cli/login_flow.h"
#include "client/cli/login_pages.h"
#include "client/cli/printable.h"
#include "client/cli/prompt.h"
#include "client/cli/redirect_targets.h"
#include "client/cli/rpc.h"

namespace authflow {
namespace {

constexpr int kMaxAttempts = 3;
constexpr std::chrono::seconds kWordOfTheEnd(5);
constexpr size_t kLongestPaste = 16 * 1024;
// The server gives the provider two minutes at most.
constexpr CallOptions kExchangeCall = {.deadline = absl::Seconds(150), .retry_for = absl::Seconds(20)};

// No browser opens here: a code is the easier way, where the provider has that.
void OfferDevice(LoginFlowPtr flow) {
  if (flow->device_grant) BeginDevice(std::move(flow), DeviceWish::kOffer);
}

void SayHowToGetACode(const LoginFlow& flow) {
  if (!flow.device_grant || flow.device || !flow.command->terminal) return;
  flow.command->out.Say("To sign in with a code on another device instead, type d and Enter.");
}

void SendBrowser(LoginFlowPtr flow) {
  const Command& command = *flow->command;
  // Also once it was asked for in an earlier attempt.
  if (flow->device) BeginDevice(flow, DeviceWish::kAsked);
  if (command.options.device) return;
  const std::string by_hand =
      absl::StrCat("Open this address in your browser to sign in:\n\n", flow->authorization_url, "\n");
  if (command.options.no_browser) {
    command.out.Say(by_hand);
    SayHowToGetACode(*flow);
    return;
  }
  const BrowserPlace place = BrowserPlace::Here();
  std::weak_ptr<LoginFlow> weak = flow;
  const auto failed = [weak] {
    const auto flow = weak.lock();
    // One that is closed later, in whatever way, has done its work.
    if (!flow || flow->redirect) return;
    flow->command->out.Say("The browser could not be opened. Open the address above in a browser to sign in.");
    OfferDevice(flow);
  };
  if (OpenBrowser(command.executor, place, flow->authorization_url, failed)) {
    command.out.Say(absl::StrCat("Your browser opens to sign in. If it does not, open this address:\n\n",
                                 flow->authorization_url, "\n"));
    SayHowToGetACode(*flow);
  } else if (place.remote && place.browser.empty()) {
    command.out.Say(absl::StrCat("This is an SSH session without a display: no browser opens here. ", by_hand));
    command.out.Say("Its last page will not load, as it is on another machine than this: paste its address here.\n");
    OfferDevice(flow);
  } else {
    command.out.Say(absl::StrCat("No browser was found here. ", by_hand));
    OfferDevice(flow);
  }
}

constexpr char kNotPasted[] =
    "That is not the answer of a sign-in: paste the whole address that the browser ended at, with all after its \"?\".";

// True: `text` is taken for the browser's answer.
bool TakePasted(LoginFlow& flow, const std::string& text) {
  const auto answer = ParsePasted(text, flow.authorization_url, flow.state.Reveal());
  if (!answer) return false;
  if (!flow.redirect) {
    flow.redirect = Secret(answer->query);
    flow.code_only = answer->code_only;
  }
  return true;
}

// True: a code was asked for instead.
bool TakeWishForCode(LoginFlowPtr flow, const std::string& text) {
  if (text != "d" || !flow->device_grant) return false;
  BeginDevice(std::move(flow), DeviceWish::kAsked);
  return true;
}

// One pasted redirect, or the wish to stop; where lines cannot be redrawn.
Task<void> AskForPaste(LoginFlowPtr flow) {
  Question question;
  question.text = "Paste the address that it ends at (it is not shown), or wait for the browser";
  question.hidden = true;
  question.problem = [flow](const std::string& text) {
    if (text == "d" && flow->device_grant) return "";
    return ParsePasted(text, flow->authorization_url, flow->state.Reveal()) ? "" : kNotPasted;
  };
  for (;;) {
    const Line line = co_await Ask(flow->command->terminal, question);
    if (line.said == Said::kCancel) flow->paste_cancelled = true;
    if (line.said != Said::kAnswer) co_return;
    if (TakeWishForCode(flow, line.text)) continue;
    TakePasted(*flow, line.text);
    co_return;
  }
}

// The same below a line that says what is waited for.
Task<void> WatchForPaste(LoginFlowPtr flow, std::shared_ptr<WaitLine> wait) {
  const auto& terminal = flow->command->terminal;
  const Terminal::Raw raw(*terminal);
  std::string text;
  for (;;) {
    const Key key = co_await terminal->ReadKey();
    switch (key.kind) {
      case Key::kInterrupted:
        co_return;
      case Key::kCancel:
        flow->paste_cancelled = true;
        co_return;
      case Key::kText:
        if (text.size() + key.text.size() <= kLongestPaste) text += key.text;
        break;
      case Key::kBackspace:
        EraseLast(text);
        break;
      case Key::kEscape:
      case Key::kClearLine:
        text.clear();
        break;
      case Key::kEnter: {
        const std::string pasted(absl::StripAsciiWhitespace(text));
        const bool code = TakeWishForCode(flow, pasted);
        if (!code && TakePasted(*flow, pasted)) co_return;
        if (!code && !pasted.empty()) flow->command->out.Say(kNotPasted);
        text.clear();
        break;
      }
      default:
        break;
    }
    wait->Note(text.empty() ? ""
                            : absl::StrCat(text.size(), " characters (not shown): Enter sends them, Esc does not."));
  }
}

Task<void> ReadPaste(LoginFlowPtr flow, std::shared_ptr<WaitLine> wait, std::shared_ptr<Event> ended) {
  if (wait) {
    co_await WatchForPaste(flow, std::move(wait));
  } else {
    co_await AskForPaste(flow);
  }
  ended->Set();
  flow->changed.Poke();
}

// What is said while the browser is away.
std::shared_ptr<WaitLine> WaitingForBrowser(const LoginFlow& flow) {
  Waiting wait;
  if (flow.command->options.device) {
    if (!flow.device_ends) {
      wait = flow.command->Asking("Asking for a code");
    } else {
      wait.what = "Waiting until you have signed in with the code";
      wait.advice = "Ctrl-C cancels.";
      wait.ends = *flow.device_ends;
    }
    return std::make_shared<WaitLine>(flow.command->executor, flow.command->out, std::move(wait));
  }
  wait.what = flow.listener ? "Waiting for the browser" : "Waiting for the address that the browser ends at";
  const bool plain = !flow.command->terminal || flow.command->terminal->plain();  // then it is asked for
  wait.advice = plain ? "Ctrl-C cancels." : "Paste the address it ends at, or Ctrl-C.";
  wait.ends = flow.ends;
  return std::make_shared<WaitLine>(flow.command->executor, flow.command->out, std::move(wait));
}

// Until there is a redirect, an answer to the code, or a reason to wait no longer.
Task<absl::Status> AwaitRedirect(LoginFlowPtr flow) {
  const auto terminal = flow->command->options.device ? nullptr : flow->command->terminal;
  auto wait = WaitingForBrowser(*flow);
  std::shared_ptr<Event> pasting;
  if (terminal) {
    pasting = std::make_shared<Event>(flow->command->executor);
    auto line = terminal->plain() ? nullptr : wait;
    boost::asio::co_spawn(flow->command->executor, ReadPaste(flow, std::move(line), pasting), boost::asio::detached);
  }
  // It is the server that ends the flow; only one that cannot tell us any more is not waited for.
  const SteadyTime limit = flow->ends + kWordOfTheEnd;
  while (!flow->redirect && !flow->device_answer && !flow->outcome && !flow->paste_cancelled && SteadyNow() < limit) {
    const bool shown = flow->device_ends.has_value();
    co_await flow->changed.WaitUntil(limit);
    if (!flow->command->options.device || shown || !flow->device_ends) continue;
    wait = nullptr;
    wait = WaitingForBrowser(*flow);
  }
  if (pasting) {
    terminal->Interrupt();
    while (!pasting->is_set()) co_await pasting->WaitUntil(SteadyTime::max());
    if (!flow->outcome) terminal->ClearInterrupt();
  }
  wait = nullptr;
  if (flow->redirect || flow->device_answer) co_return absl::OkStatus();
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

absl::Status Declined() { return Refusal(v1::ERROR_CLASS_DENIED, "You declined the sign-in in the browser."); }

void SignedIn(LoginFlow& flow, v1::ExchangeCodeResponse answer) {
  const Command& command = *flow.command;
  flow.signed_in = std::move(answer);
  command.out.Debug("step: code_exchange");
  if (flow.recorded() && flow.signed_in.identity().user_id() != command.invocation.user_id()) {
    command.out.Debug("recorded: identify");
  }
}

// The answer to the code that the person typed in elsewhere.
absl::Status TakeDeviceAnswer(LoginFlow& flow) {
  const absl::StatusOr<v1::AwaitDeviceResponse> answer = *std::move(flow.device_answer);
  EndDevice(flow);
  if (ClassOf(answer.status()) == v1::ERROR_CLASS_DENIED) return Declined();
  if (!answer.ok()) return answer.status();
  v1::ExchangeCodeResponse response;
  *response.mutable_tokens() = answer->tokens();
  *response.mutable_identity() = answer->identity();
  SignedIn(flow, std::move(response));
  return absl::OkStatus();
}

// One attempt: waits for the redirect and exchanges its code, or for the answer to a code typed in elsewhere.
Task<absl::Status> Attempt(LoginFlowPtr flow) {
  const Command& command = *flow->command;
  // To the end: an address that is pasted while a code alone is being refused is not shown either.
  std::optional<Terminal::Raw> not_echoed;
  if (command.terminal && !command.options.device) not_echoed.emplace(*command.terminal);
  flow->redirect.reset();
  flow->code_only = false;
  if (flow->listener) {
    std::weak_ptr<LoginFlow> weak = flow;
    flow->listener->Expect(flow->state, [weak](std::string query) {
      auto flow = weak.lock();
      if (!flow) return;
      flow->redirect = Secret(std::move(query));
      flow->changed.Poke();
    });
  }
  SendBrowser(flow);
  for (;;) {
    const absl::Status waited = co_await AwaitRedirect(flow);
    if (!waited.ok()) co_return waited;
    if (flow->device_answer) co_return TakeDeviceAnswer(*flow);
    v1::ExchangeCodeRequest request;
    request.set_flow_token(flow->token.Reveal());
    request.set_redirect_query(flow->redirect->Reveal());
    auto wait = std::make_unique<WaitLine>(command.executor, command.out, command.Asking("Signing you in"));
    auto response = co_await Send(command.client, &Client::ExchangeCode, std::move(request), kExchangeCall);
    wait = nullptr;
    if (response.ok()) {
      SignedIn(*flow, *std::move(response));
      co_return absl::OkStatus();
    }
    const absl::Status status = response.status();
    if (ClassOf(status) == v1::ERROR_CLASS_DENIED) {
      co_return Declined();
    }
    if (flow->code_only && ClassOf(status) == v1::ERROR_CLASS_ISSUER_MISMATCH) {
      command.out.Say("The code alone is not enough with this provider: paste the whole address.");
    } else if (IsStray(status)) {
      command.out.Say(absl::StrCat("An answer of the browser was ignored: ", std::string(status.message())));
    } else {
      co_return status;
    }
    flow->redirect.reset();
    flow->code_only = false;
    if (flow->listener) flow->listener->AnswerAndGoOn(StrayPage());
  }
}

}  // namespace

Task<absl::Status> BrowserStep(LoginFlowPtr flow) {
  flow->device = flow->command->options.device;
  for (int attempt = 1;; ++attempt) {
    const absl::Status entered = co_await EnterStep(flow, v1::STEP_BROWSER_WAIT);
    if (!entered.ok()) co_return entered;
    const absl::Status status = co_await Attempt(flow);
    EndDevice(*flow);
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
