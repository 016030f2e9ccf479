// The third step: the application that the profile is for.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/applications.h"
#include "client/cli/login_flow.h"
#include "client/cli/new_application.h"
#include "client/cli/prompt.h"
#include "client/cli/result.h"
#include "client/cli/rpc.h"
#include "server/base/random.h"

namespace authflow {
namespace {

constexpr CallOptions kCreateCall = {.deadline = absl::Seconds(60), .retry_for = absl::Seconds(20)};

// Why a question has no answer.
absl::Status Unanswered(const LoginFlow& flow, Said said) {
  if (said == Said::kInterrupted && flow.outcome) return ErrorOf(*flow.outcome);
  return Cancelled();
}

Task<absl::Status> Create(LoginFlowPtr flow, std::vector<std::string> regions) {
  const Command& command = *flow->command;
  const absl::Status entered = co_await EnterStep(flow, v1::STEP_APP_CREATE);
  if (!entered.ok()) co_return entered;
  const bool asking = command.options.app_name.empty();
  if (asking && !command.terminal) {
    co_return Refusal(v1::ERROR_CLASS_CLIENT_NOT_INTERACTIVE,
                      "You have no application yet, and there is nobody to ask for its name: give it with --app-name.");
  }
  for (;;) {
    NewApplication wanted{.name = command.options.app_name, .region = command.options.region};
    if (asking) {
      wanted = co_await AskForNewApplication(flow->command, regions);
      if (wanted.said != Said::kAnswer) co_return Unanswered(*flow, wanted.said);
    }
    v1::CreateApplicationRequest request;
    request.set_request_id(RandomUuid(command.clock.Now()).ToString());
    request.set_product(command.product);
    request.set_access_token(flow->signed_in.tokens().access_token());
    request.set_flow_token(flow->token.Reveal());
    request.set_name(wanted.name);
    request.set_region(wanted.region);
    auto wait = std::make_unique<WaitLine>(command.executor, command.out, command.Asking("Creating the application"));
    const auto response = co_await Send(command.client, &Client::CreateApplication, std::move(request), kCreateCall);
    wait = nullptr;
    if (response.ok()) {
      flow->application = response->application();
      co_return absl::OkStatus();
    }
    if (!asking || !WantsAnotherName(response.status())) co_return response.status();
    command.out.Say(std::string(response.status().message()));
  }
}

// One of several, or none: a new one is wanted.
Task<absl::Status> Select(LoginFlowPtr flow, ApplicationList list) {
  const Command& command = *flow->command;
  const absl::Status entered = co_await EnterStep(flow, v1::STEP_APP_SELECT);
  if (!entered.ok()) co_return entered;
  if (!command.terminal) {
    co_return Refusal(v1::ERROR_CLASS_CLIENT_NOT_INTERACTIVE,
                      absl::StrCat("You have ", list.applications.size(),
                                   " applications, and there is nobody to ask for one: name it with --app-name."));
  }
  Choice choice;
  choice.title = "Which application?";
  for (const auto& application : list.applications) choice.items.push_back(Described(application));
  choice.items.push_back("Create a new application");
  choice.pinned = 1;
  const Chosen chosen = co_await Choose(command.terminal, std::move(choice));
  if (chosen.said != Said::kAnswer) co_return Unanswered(*flow, chosen.said);
  if (chosen.index < list.applications.size()) {
    flow->application = list.applications[chosen.index];
    co_return absl::OkStatus();
  }
  const absl::Status created = co_await Create(flow, list.regions);
  co_return created;
}

}  // namespace

Task<absl::Status> ApplicationStep(LoginFlowPtr flow) {
  const Command& command = *flow->command;
  Secret access_token(flow->signed_in.tokens().access_token());
  auto wait = std::make_unique<WaitLine>(command.executor, command.out, command.Asking("Fetching your applications"));
  auto list = co_await ListAllApplications(command.client, command.product, std::move(access_token), flow->token);
  wait = nullptr;
  if (ClassOf(list.status()) == v1::ERROR_CLASS_APPLICATIONS_NOT_CONFIGURED) co_return absl::OkStatus();
  if (!list.ok()) co_return list.status();
  command.out.Debug("step: apps_fetch");
  const std::string& wanted = command.options.app_name;
  const auto& all = list->applications;
  const auto named = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name() == wanted; });
  if (all.empty() && wanted.empty() && command.terminal) {
    command.out.Say("You have no application yet: please name your first.");
  }
  if (all.empty() || (!wanted.empty() && named == all.end())) {
    const absl::Status created = co_await Create(flow, list->regions);
    co_return created;
  }
  if (wanted.empty() && all.size() > 1) {
    const absl::Status selected = co_await Select(flow, *list);
    co_return selected;
  }
  // There is only one that it can be.
  const absl::Status entered = co_await EnterStep(flow, v1::STEP_APP_SELECT);
  if (!entered.ok()) co_return entered;
  flow->application = wanted.empty() ? all.front() : *named;
  co_return absl::OkStatus();
}

}  // namespace authflow
