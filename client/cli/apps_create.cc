#include "client/cli/apps_create.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/applications.h"
#include "client/cli/apps_select.h"
#include "client/cli/new_application.h"
#include "client/cli/rpc.h"
#include "client/cli/signed_in_call.h"
#include "server/base/random.h"

namespace authflow {
namespace {

constexpr CallOptions kCreateCall = {.deadline = absl::Seconds(60), .retry_for = absl::Seconds(20)};

Task<absl::StatusOr<v1::CreateApplicationResponse>> Create(std::shared_ptr<Command> command,
                                                           v1::CreateApplicationRequest request, Secret access_token) {
  request.set_access_token(access_token.Reveal());
  auto response = co_await Send(command->client, &Client::CreateApplication, std::move(request), kCreateCall);
  co_return response;
}

// nullopt: `result` says why.
Task<std::optional<NewApplication>> AskedFor(std::shared_ptr<Command> command, std::vector<std::string> regions,
                                             Result* result) {
  auto wanted = co_await command->interrupt.Guard(AskForNewApplication(command, std::move(regions)));
  if (wanted && wanted->said == Said::kAnswer) co_return wanted;
  result->status = Cancelled();
  co_return std::nullopt;
}

void Tell(const Command& command, const v1::Application& made, Result& result) {
  command.out.Say(absl::StrCat("Created ", Described(made), "."));
  if (!command.options.select) {
    command.out.Say(absl::StrCat("To use it in this profile: authflow apps select ", made.id()));
  }
  result.document["application"] = DocumentOf(made);
  result.document["selected"] = command.options.select;
}

}  // namespace

Task<Result> AppsCreate(std::shared_ptr<Command> command) {
  Result result;
  NewApplication wanted{.name = command->options.app_name, .region = command->options.region};
  const bool asking = wanted.name.empty();
  std::vector<std::string> regions;
  if (asking) {
    if (!command->terminal) {
      result.status = Refusal(v1::ERROR_CLASS_CLIENT_NOT_INTERACTIVE,
                              "The name of the application is missing, and there is nobody to ask: run \"authflow apps "
                              "create NAME\".");
      co_return result;
    }
    SignedInCall<ApplicationList> list = [command](Secret access_token) {
      return ListAllApplications(command->client, command->product, std::move(access_token), Secret());
    };
    auto listed = co_await CallSignedIn<ApplicationList>(command, std::move(list), &result);
    if (!listed) co_return result;
    regions = std::move(listed->regions);
  }
  for (;;) {
    if (asking) {
      auto answer = co_await AskedFor(command, regions, &result);
      if (!answer) co_return result;
      wanted = *std::move(answer);
    }
    v1::CreateApplicationRequest request;
    request.set_request_id(RandomUuid(command->clock.Now()).ToString());
    request.set_product(command->product);
    request.set_name(wanted.name);
    request.set_region(wanted.region);
    SignedInCall<v1::CreateApplicationResponse> create = [command, request](Secret access_token) {
      return Create(command, request, std::move(access_token));
    };
    const auto made = co_await CallSignedIn<v1::CreateApplicationResponse>(command, std::move(create), &result);
    if (made) {
      if (command->options.select) result.status = co_await UseApplication(command, made->application());
      Tell(*command, made->application(), result);
      co_return result;
    }
    if (!asking || !WantsAnotherName(result.status)) co_return result;
    command->out.Say(std::string(result.status.message()));
    result = Result();
  }
}

}  // namespace authflow
