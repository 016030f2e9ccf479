#include "client/cli/status.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cli/session.h"

namespace authflow {
namespace {

void Tell(const Command& command, const StoredLogin& login, Result& result) {
  std::string text =
      absl::StrCat("Signed in as ", login.email.empty() ? login.user_id : login.email,
                   login.name.empty() ? "" : absl::StrCat(" (", login.name, ")"), "\nUser id: ", login.user_id,
                   "\nProduct: ", login.product, " at ", login.server, "\nProfile: ", command.options.profile_name);
  auto& document = result.document;
  document["signed_in"] = true;
  document["user_id"] = login.user_id;
  document["email"] = login.email;
  document["name"] = login.name;
  document["product"] = login.product;
  document["server"] = login.server;
  document["profile"] = command.options.profile_name;
  document["application"] = nullptr;
  if (command.profile && !command.profile->application_id.empty()) {
    absl::StrAppend(&text, "\nApplication: ", command.profile->application_name,
                    command.profile->region.empty() ? "" : absl::StrCat(" (", command.profile->region, ")"));
    document["application"] = {{"id", command.profile->application_id},
                               {"name", command.profile->application_name},
                               {"region", command.profile->region}};
  }
  document["expires_at"] = nullptr;
  if (login.expire_time) {
    absl::StrAppend(&text, "\nThe access token is good until ", TimeWord(*login.expire_time),
                    login.refresh_token.empty() ? "" : ", and is renewed when needed");
    document["expires_at"] = TimeWord(*login.expire_time);
  }
  const bool in_keyring = !login.keyring_id.empty();
  absl::StrAppend(&text, "\nThe login is in ",
                  in_keyring ? "the keyring" : LoginPath(command.folders, command.options.profile_name));
  document["stored_in"] = in_keyring ? "keyring" : "file";
  command.out.Print(text);
}

}  // namespace

Task<Result> Status(std::shared_ptr<Command> command) {
  Result result;
  const auto login = co_await UsableLogin(command);
  if (login.ok()) {
    Tell(*command, *login, result);
  } else {
    result.status = login.status();
  }
  co_return result;
}

}  // namespace authflow
