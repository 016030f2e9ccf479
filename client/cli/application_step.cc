// The third step: the application that the profile is for.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/applications.h"
#include "client/cli/login_flow.h"
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

// What the server would refuse, said before it is asked.
std::string NameProblem(const std::string& name) {
  if (name.empty()) return "A name is needed.";
  const auto characters = std::count_if(name.begin(), name.end(), [](char c) { return (c & 0xC0) != 0x80; });
  return characters > 64 ? "A name has 64 characters at most." : "";
}

struct NewApplication {
  std::string name;
  std::string region;
};

Task<absl::StatusOr<NewApplication>> AskForNew(LoginFlowPtr flow, std::vector<std::string> regions) {
  const Command& command = *flow->command;
  NewApplication wanted;
  Question question;
  question.text = "Name of the new application";
  question.problem = NameProblem;
  const Line name = co_await Ask(command.terminal, std::move(question));
  if (name.said != Said::kAnswer) co_return Unanswered(*flow, name.said);
  wanted.name = name.text;
  wanted.region = command.options.region;
  if (wanted.region.empty() && regions.size() > 1) {
    const Chosen region = co_await Choose(command.terminal, "Where shall it be?", regions);
    if (region.said != Said::kAnswer) co_return Unanswered(*flow, region.said);
    wanted.region = regions[region.index];
  }
  co_return wanted;
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
      auto answer = co_await AskForNew(flow, regions);
      if (!answer.ok()) co_return answer.status();
      wanted = *std::move(answer);
    }
    v1::CreateApplicationRequest request;
    request.set_request_id(RandomUuid(command.clock.Now()).ToString());
    request.set_product(command.product);
    request.set_access_token(flow->signed_in.tokens().access_token());
    request.set_flow_token(flow->token.Reveal());
    request.set_name(wanted.name);
    request.set_region(wanted.region);
    const auto response = co_await Send(command.client, &Client::CreateApplication, std::move(request), kCreateCall);
    if (response.ok()) {
      flow->application = response->application();
      co_return absl::OkStatus();
    }
    const ErrorClass error_class = ClassOf(response.status());
    const bool another_name = error_class == v1::ERROR_CLASS_APPLICATION_NAME_TAKEN ||
                              error_class == v1::ERROR_CLASS_APPLICATION_NAME_INVALID;
    if (!asking || !another_name) co_return response.status();
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
  std::vector<std::string> items;
  for (const auto& application : list.applications) {
    items.push_back(application.region().empty() ? application.name()
                                                 : absl::StrCat(application.name(), " (", application.region(), ")"));
  }
  items.push_back("Create a new application");
  const Chosen chosen = co_await Choose(command.terminal, "Which application?", std::move(items));
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
  auto list = co_await ListAllApplications(command.client, command.product, std::move(access_token), flow->token);
  if (ClassOf(list.status()) == v1::ERROR_CLASS_APPLICATIONS_NOT_CONFIGURED) co_return absl::OkStatus();
  if (!list.ok()) co_return list.status();
  command.out.Debug("step: apps_fetch");
  const std::string& wanted = command.options.app_name;
  const auto& all = list->applications;
  const auto named = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name() == wanted; });
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
