#include "client/cli/login.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/applications.h"
#include "client/cli/device_step.h"
#include "client/cli/login_flow.h"
#include "client/cli/login_pages.h"
#include "client/cli/rpc.h"

namespace authflow {
namespace {

// How often a flow that the server ended because it lost sight of us is begun anew.
constexpr int kMaxRounds = 3;
// A completed login is worth more patience than an error: the person waits for nothing else.
constexpr std::chrono::seconds kPatience(5);
// After that, the end of the command is told beside the end of the flow.
constexpr std::chrono::milliseconds kBriefly(350);
// The deadline is longer than any of our waits: a server that is slow to wake still records the end.
constexpr CallOptions kFinishCall = {.deadline = absl::Seconds(20), .retry_for = absl::Seconds(10)};

Task<absl::Status> Steps(LoginFlowPtr flow) {
  absl::Status status = co_await StartStep(flow);
  if (!status.ok()) co_return status;
  status = co_await CheckPlaces(flow);
  if (!status.ok()) co_return status;
  status = co_await BrowserStep(flow);
  if (!status.ok()) co_return status;
  if (flow->plan.choose_application) {
    status = co_await ApplicationStep(flow);
    if (!status.ok()) co_return status;
  }
  status = co_await ProfileStep(flow);
  co_return status;
}

// The steps, ended by a signal. Whatever happened, there is one answer.
Task<absl::Status> Run(LoginFlowPtr flow) {
  Interrupt& interrupt = flow->command->interrupt;
  absl::Status status;
  try {
    auto ended = co_await interrupt.Guard(Steps(flow));
    status = ended ? *std::move(ended) : Cancelled();
  } catch (const std::exception& error) {
    status = Refusal(v1::ERROR_CLASS_CLIENT_ERROR, absl::StrCat("Something failed here: ", error.what(), "."));
  }
  if (interrupt.happened()) flow->command->out.EndLines();
  if (flow->saved) co_return absl::OkStatus();
  if (interrupt.happened()) co_return Cancelled();
  co_return flow->command->Explained(status);
}

// What FinishFlow is told.
v1::Outcome OutcomeOf(const absl::Status& status) {
  v1::Outcome outcome;
  const ErrorClass error_class = ClassOf(status);
  if (status.ok()) {
    outcome.mutable_completed();
  } else if (absl::IsCancelled(status)) {
    outcome.mutable_aborted()->set_reason(v1::ABORT_REASON_USER_CANCELLED);
  } else if (IsClientClass(error_class)) {
    outcome.mutable_failed()->set_error_class(error_class);
  } else if (error_class == v1::ERROR_CLASS_UNSPECIFIED) {
    outcome.mutable_failed()->set_error_class(v1::ERROR_CLASS_CLIENT_ERROR);
  } else {
    outcome.mutable_failed();  // the refusal that the server gave
  }
  return outcome;
}

void DebugOutcome(const LoginFlow& flow, const v1::Flow& ended) {
  const auto& outcome = ended.outcome();
  std::string event;
  if (outcome.has_completed()) {
    event = "CLI Auth Completed";
  } else if (outcome.has_aborted()) {
    event =
        absl::StrCat("CLI Auth Aborted step=", WordOf(ended.step()),
                     " reason=", absl::AsciiStrToLower(v1::AbortReason_Name(outcome.aborted().reason())).substr(13));
  } else {
    event = absl::StrCat("CLI Auth Failed step=", WordOf(ended.step()),
                         " error_class=", std::string(NameOf(outcome.failed().error_class())));
  }
  flow.command->out.Debug(absl::StrCat(flow.recorded() ? "recorded: " : "ended, not recorded: ", event));
}

// Ends the flow at the server, if there is one. The only place that does.
Task<void> Finish(LoginFlowPtr flow, v1::Outcome outcome, std::shared_ptr<Event> finished) {
  const auto& command = flow->command;
  while (flow->starting) co_await flow->changed.WaitUntil(SteadyTime::max());
  if (!flow->token.empty() && !flow->outcome) {
    v1::FinishFlowRequest request;
    request.set_flow_token(flow->token.Reveal());
    *request.mutable_outcome() = outcome;
    const auto response = co_await Send(command->client, &Client::FinishFlow, std::move(request), kFinishCall);
    if (response.ok()) {
      flow->outcome = response->flow().outcome();
      DebugOutcome(*flow, response->flow());
    } else {
      command->out.Debug(absl::StrCat("FinishFlow: ", response.status().ToString()));
    }
  }
  finished->Set();
  command->exit_work.End();
}

Task<void> FlushPage(LoginFlowPtr flow) {
  co_await flow->listener->Flush(SteadyNow() + std::chrono::seconds(2));
  flow->command->exit_work.End();
}

// Tells the browser and the server, and gives both a moment.
Task<void> End(LoginFlowPtr flow, absl::Status status) {
  const auto& command = flow->command;
  if (command->terminal) command->terminal->ClearInterrupt();
  const bool was_known = flow->outcome.has_value();
  const SteadyTime now = SteadyNow();
  flow->start.StopRetrying();  // a server that is not there shall not keep us
  auto finished = std::make_shared<Event>(command->executor);
  command->exit_work.Begin();
  boost::asio::co_spawn(command->executor, Finish(flow, OutcomeOf(status), finished), boost::asio::detached);
  EndDevice(*flow);
  if (flow->listener) {
    if (!status.ok()) flow->listener->Answer(EndPage(status));
    flow->listener->Close();
    command->exit_work.Begin();
    boost::asio::co_spawn(command->executor, FlushPage(flow), boost::asio::detached);
  }
  command->interrupt.OnSignal([finished] { finished->Poke(); });
  const auto limit = [&] {
    if (command->interrupt.happened()) return command->interrupt.at() + kBriefly;
    return now + (status.ok() ? std::chrono::milliseconds(kPatience) : kBriefly);
  };
  while (!finished->is_set() && SteadyNow() < limit()) co_await finished->WaitUntil(limit());
  command->interrupt.OnSignal(nullptr);
  if (was_known) command->out.Debug("the server had ended the flow");
}

std::string WhoIs(const v1::Identity& identity) {
  return identity.email().empty() ? identity.user_id() : identity.email();
}

Result Tell(const LoginFlow& flow, const absl::Status& status) {
  Result result{.status = status, .flow_id = flow.id};
  if (!status.ok()) return result;
  const Command& command = *flow.command;
  const auto& identity = flow.signed_in.identity();
  command.out.Say(absl::StrCat("Signed in as ", WhoIs(identity), "."), Tone::kGood);
  const auto& before = command.profile;
  const bool changed = before && !before->user_id.empty() && before->user_id != identity.user_id();
  if (changed) {
    const std::string& who = before->email.empty() ? before->user_id : before->email;
    command.out.Say(absl::StrCat("Note: you were signed in as ", who, " before."), Tone::kBad);
  }
  auto& document = result.document;
  document["user_id"] = identity.user_id();
  document["email"] = identity.email();
  document["name"] = identity.name();
  document["account_changed"] = changed;
  document["profile"] = command.options.profile_name;
  document["application"] = nullptr;
  if (flow.application) {
    command.out.Say(absl::StrCat("Application: ", Described(*flow.application)));
    document["application"] = DocumentOf(*flow.application);
  }
  command.out.Say(absl::StrCat("Profile \"", command.options.profile_name, "\" is in ",
                               ProfilePath(command.folders, command.options.profile_name), "."));
  const std::string file = LoginPath(command.folders, command.options.profile_name);
  command.out.Say(flow.no_keyring.empty()
                      ? std::string("The login is in the keyring.")
                      : absl::StrCat("The login is in ", file, " (readable by you alone): ", flow.no_keyring, "."));
  document["stored_in"] = flow.no_keyring.empty() ? "keyring" : "file";
  return result;
}

bool WasLost(const LoginFlow& flow) {
  return flow.outcome && flow.outcome->has_aborted() &&
         flow.outcome->aborted().reason() == v1::ABORT_REASON_CLIENT_LOST;
}

}  // namespace

Task<Result> Login(std::shared_ptr<Command> command, LoginPlan plan) {
  for (int round = 1;; ++round) {
    auto flow = std::make_shared<LoginFlow>(command, plan);
    const absl::Status status = co_await Run(flow);
    // Whoever comes back to a lost flow (a lid was closed) is here again, and gets a new one without asking.
    const bool again = WasLost(*flow) && !status.ok() && !command->interrupt.happened() && round < kMaxRounds;
    const SteadyTime decided = SteadyNow();
    co_await End(flow, status);
    if (!again) {
      Result result = Tell(*flow, status);
      result.decided = decided;
      co_return result;
    }
    command->out.Say("The server lost sight of this terminal and ended the sign-in. Here is a new one.");
  }
}

}  // namespace authflow
