#include "client/cli/logout.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/kept_login.h"
#include "client/cli/rpc.h"
#include "client/cli/session.h"

namespace authflow {
namespace {

constexpr CallOptions kRevokeCall = {.deadline = absl::Seconds(20), .retry_for = absl::Seconds(5)};

struct Revoked {
  bool revoked = false;
  std::string why_not;
};

Task<absl::StatusOr<Revoked>> SignOut(std::shared_ptr<Command> command) {
  // A refresh of another process must not bring back what we delete.
  const auto lock = co_await LockLogin(command);
  if (!lock.ok()) co_return lock.status();
  const auto stored = LoadLogin(command->folders, command->options.profile_name);
  Revoked result;
  absl::StatusOr<StoredLogin> login = absl::NotFoundError("");
  const bool in_keyring = stored.ok() && stored->has_value() && !(*stored)->keyring_id.empty();
  if (stored.ok() && stored->has_value()) {
    login = co_await WithTokens(command, **stored);
    if (!login.ok()) result.why_not = std::string(login.status().message());
  }
  if (login.ok()) {
    v1::RevokeTokenRequest request;
    request.set_product(command->product);
    request.mutable_tokens()->set_access_token(login->access_token.Reveal());
    request.mutable_tokens()->set_refresh_token(login->refresh_token.Reveal());
    *request.mutable_invocation() = command->invocation;
    const auto response = co_await Send(command->client, &Client::RevokeToken, std::move(request), kRevokeCall);
    if (command->interrupt.happened()) co_return Cancelled();
    if (response.ok()) {
      result.revoked = response->revoked();
      if (!command->options.do_not_track) command->out.Debug("recorded: CLI Auth Logout flow=logout");
      if (!result.revoked) result.why_not = "the provider did not confirm it";
    } else {
      result.why_not = std::string(response.status().message());
    }
  }
  const absl::Status deleted = DeleteLogin(command->folders, command->options.profile_name);
  if (!deleted.ok()) co_return deleted;
  if (in_keyring) DropFromKeyring(command, "");
  co_return result;
}

}  // namespace

Task<Result> Logout(std::shared_ptr<Command> command) {
  Result result;
  if (!command->login) {
    command->out.Say("You are not signed in.");
    result.document["signed_out"] = false;
    co_return result;
  }
  const std::string who = command->login->email.empty() ? command->login->user_id : command->login->email;
  std::optional<absl::StatusOr<Revoked>> ended;
  {
    const WaitLine wait(command->executor, command->out, command->Asking("Signing out"));
    ended = co_await command->interrupt.Guard(SignOut(command));
  }
  if (!ended) {
    result.status = Cancelled();
    co_return result;
  }
  if (!ended->ok()) {
    result.status = ended->status();
    co_return result;
  }
  const Revoked& revoked = **ended;
  command->out.Say(absl::StrCat("Signed out ", who, "."));
  if (!revoked.why_not.empty()) {
    command->out.Say(absl::StrCat("The session was forgotten here, but may not be revoked at the provider: ",
                                  revoked.why_not, ". It ends there when its time is up."));
  }
  result.document["signed_out"] = true;
  result.document["revoked"] = revoked.revoked;
  co_return result;
}

}  // namespace authflow
