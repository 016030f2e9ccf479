#include "client/cli/apps_select.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/applications.h"
#include "client/cli/prompt.h"
#include "client/cli/signed_in_call.h"

namespace authflow {
namespace {

// The one that `wanted` is the id or the name of. INVALID_ARGUMENT: none, or several.
absl::StatusOr<v1::Application> Named(const std::vector<v1::Application>& all, const std::string& wanted) {
  std::vector<v1::Application> named;
  for (const auto& one : all) {
    if (one.id() == wanted) return one;
    if (one.name() == wanted) named.push_back(one);
  }
  if (named.size() == 1) return named.front();
  if (named.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("You have no application \"", wanted, "\": \"authflow apps list\" shows those you have."));
  }
  return absl::InvalidArgumentError(absl::StrCat("You have ", named.size(), " applications named \"", wanted,
                                                 "\": give the id, as \"authflow apps list\" shows it."));
}

Task<absl::StatusOr<v1::Application>> Pick(std::shared_ptr<Command> command, std::vector<v1::Application> all) {
  const std::string& wanted = command->options.app_name;
  if (all.empty()) {
    co_return absl::FailedPreconditionError("You have no application yet: \"authflow apps create\" makes one.");
  }
  if (!wanted.empty()) co_return Named(all, wanted);
  if (!command->terminal) {
    co_return Refusal(v1::ERROR_CLASS_CLIENT_NOT_INTERACTIVE,
                      absl::StrCat("You have ", all.size(),
                                   " applications, and there is nobody to ask for one: run \"authflow apps select "
                                   "NAME\"."));
  }
  Choice choice;
  choice.title = "Which application?";
  for (const auto& one : all) {
    if (command->profile && command->profile->application_id == one.id()) choice.start = choice.items.size();
    choice.items.push_back(Described(one));
  }
  const Chosen chosen = co_await Choose(command->terminal, std::move(choice));
  if (chosen.said != Said::kAnswer) co_return Cancelled();
  co_return all[chosen.index];
}

Profile ProfileOf(const Command& command, const StoredLogin& login) {
  Profile profile = command.profile.value_or(Profile());
  profile.server = login.server;
  profile.product = login.product;
  profile.user_id = login.user_id;
  profile.email = login.email;
  return profile;
}

absl::Status NotWritten(const absl::Status& why) {
  return Refusal(v1::ERROR_CLASS_CLIENT_PROFILE_WRITE,
                 absl::StrCat("The choice could not be kept. ", std::string(why.message())));
}

}  // namespace

Task<absl::Status> UseApplication(std::shared_ptr<Command> command, v1::Application application) {
  // Logins write the profile under this lock.
  const auto lock = co_await LockLogin(command);
  if (!lock.ok()) co_return NotWritten(lock.status());
  const std::string& name = command->options.profile_name;
  const auto login = LoadLogin(command->folders, name);
  if (!login.ok()) co_return NotWritten(login.status());
  if (!login->has_value()) co_return NotSignedIn("You were signed out meanwhile.");
  Profile profile = ProfileOf(*command, **login);
  profile.application_id = application.id();
  profile.application_name = application.name();
  profile.region = application.region();
  auto prepared = PrepareProfile(command->folders, name, profile);
  if (!prepared.ok()) co_return NotWritten(prepared.status());
  const absl::Status written = prepared->Commit();
  if (!written.ok()) co_return NotWritten(written);
  SyncFolderOf(ProfilePath(command->folders, name));
  command->out.Say(absl::StrCat("Profile \"", name, "\" now uses ", Described(application), ": ",
                                ProfilePath(command->folders, name)));
  co_return absl::OkStatus();
}

Task<Result> AppsSelect(std::shared_ptr<Command> command) {
  Result result;
  SignedInCall<ApplicationList> list = [command](Secret access_token) {
    return ListAllApplications(command->client, command->product, std::move(access_token), Secret());
  };
  auto listed = co_await CallSignedIn<ApplicationList>(command, std::move(list), &result);
  if (!listed) co_return result;
  auto picked = co_await command->interrupt.Guard(Pick(command, std::move(listed->applications)));
  if (!picked || !picked->ok()) {
    result.status = picked ? picked->status() : Cancelled();
    co_return result;
  }
  result.status = co_await UseApplication(command, **picked);
  result.document["profile"] = command->options.profile_name;
  result.document["application"] = DocumentOf(**picked);
  co_return result;
}

}  // namespace authflow
