#include "client/cli/session.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/kept_login.h"
#include "client/cli/result.h"
#include "client/cli/rpc.h"

namespace authflow {
namespace {

constexpr std::chrono::seconds kLockWait(10);
constexpr std::chrono::milliseconds kLockPause(50);
constexpr CallOptions kRefreshCall = {.deadline = absl::Seconds(30), .retry_for = absl::Seconds(10)};

// How often an item that is gone from the keyring may have been replaced under our eyes.
constexpr int kMaxReads = 3;

// The login as it is on the disk now, if it is of this command's server and product.
absl::StatusOr<StoredLogin> LoadFile(const Command& command) {
  auto login = LoadLogin(command.folders, command.options.profile_name);
  if (!login.ok()) return login.status();
  if (!login->has_value()) return NotSignedIn("You are not signed in.");
  if ((*login)->server != command.client->server() || (*login)->product != command.product) {
    return NotSignedIn(absl::StrCat("You are not signed in to ", command.product, " at ", command.client->server(),
                                    "; this profile is signed in to ", (*login)->product, " at ", (*login)->server,
                                    "."));
  }
  return **std::move(login);
}

// The same with its tokens.
Task<absl::StatusOr<StoredLogin>> Load(std::shared_ptr<Command> command) {
  std::string missing;
  for (int read = 0; read < kMaxReads; ++read) {
    auto login = LoadFile(*command);
    if (!login.ok()) co_return login.status();
    const std::string id = login->keyring_id;
    if (!missing.empty() && id == missing) break;
    auto whole = co_await WithTokens(command, *std::move(login));
    if (absl::IsUnavailable(whole.status())) {
      co_return absl::FailedPreconditionError(absl::StrCat(
          "Your login is in the keyring, which cannot be used now: ", std::string(whole.status().message()),
          ". You are still signed in."));
    }
    if (!absl::IsNotFound(whole.status())) co_return whole;
    missing = id;
  }
  co_return NotSignedIn("The keyring no longer has your login.");
}

bool IsGood(const Command& command, const StoredLogin& login, const Secret& refused) {
  return refused.empty() ? !login.Expired(command.clock.Now()) : !(login.access_token == refused);
}

// Refreshes and stores; holds the lock until the answer is on the disk.
struct Refresh {
  explicit Refresh(Executor executor, FileLock held, StoredLogin of)
      : lock(std::move(held)), login(std::move(of)), ended(std::move(executor)) {}
  std::optional<FileLock> lock;
  StoredLogin login;
  absl::Status status;
  Event ended;
};

void End(Command& command, Refresh& refresh) {
  refresh.lock.reset();
  refresh.ended.Set();
  command.exit_work.End();
}

// To where the login was; to the file if the keyring does not take it any more.
Task<void> Store(std::shared_ptr<Command> command, std::shared_ptr<Refresh> refresh) {
  const std::string& name = command->options.profile_name;
  const std::string before = refresh->login.keyring_id;
  if (!before.empty()) {
    KeptLogin kept = co_await PutInKeyring(command, refresh->login);
    refresh->login = std::move(kept.login);
    if (!kept.why_not.empty()) {
      command->out.Say(absl::StrCat("Your login is now in ", LoginPath(command->folders, name),
                                    " (readable by you alone): ", kept.why_not, "."));
    }
  }
  auto prepared = PrepareLogin(command->folders, name, refresh->login);
  refresh->status = prepared.ok() ? prepared->Commit() : prepared.status();
  SyncFolderOf(LoginPath(command->folders, name));
  const std::string& unused = refresh->status.ok() ? before : refresh->login.keyring_id;
  if (!unused.empty()) DropFromKeyring(command, unused);
  command->out.Debug("the session was refreshed");
  End(*command, *refresh);
}

void Answered(std::shared_ptr<Command> command, std::shared_ptr<Refresh> refresh,
              absl::StatusOr<v1::RefreshTokenResponse> response) {
  refresh->status = response.status();
  if (response.ok()) {
    refresh->login.Adopt(response->tokens());
    boost::asio::co_spawn(command->executor, Store(command, refresh), boost::asio::detached);
    return;
  }
  if (ClassOf(response.status()) == v1::ERROR_CLASS_REFRESH_TOKEN_REFUSED) {
    const absl::Status deleted = DeleteLogin(command->folders, command->options.profile_name);
    refresh->status = Refusal(v1::ERROR_CLASS_REFRESH_TOKEN_REFUSED, "Your session is over.");
    if (!deleted.ok()) command->out.Say(std::string(deleted.message()));
    if (!refresh->login.keyring_id.empty()) DropFromKeyring(command, "");
  }
  End(*command, *refresh);
}

}  // namespace

Task<absl::StatusOr<FileLock>> LockLogin(std::shared_ptr<Command> command) {
  const std::string path = LoginLockPath(command->folders, command->options.profile_name);
  const SteadyTime limit = SteadyNow() + kLockWait;
  for (;;) {
    auto lock = FileLock::Try(path);
    if (lock.ok()) co_return lock;
    if (!absl::IsUnavailable(lock.status())) {
      co_return Refusal(v1::ERROR_CLASS_CLIENT_PROFILE_WRITE, std::string(lock.status().message()));
    }
    if (SteadyNow() >= limit) {
      co_return absl::FailedPreconditionError(
          "Another authflow command has been using this login for 10 s: wait for its end, or end it, and run this one "
          "again.");
    }
    Event pause(command->executor);
    co_await pause.WaitUntil(SteadyNow() + kLockPause);
  }
}

Task<absl::StatusOr<StoredLogin>> FreshLogin(std::shared_ptr<Command> command, Secret refused) {
  auto login = co_await Load(command);
  if (!login.ok() || IsGood(*command, *login, refused)) co_return login;
  auto lock = co_await LockLogin(command);
  if (!lock.ok()) co_return lock.status();
  // Another process may have refreshed it, or signed out, while we waited.
  login = co_await Load(command);
  if (!login.ok() || IsGood(*command, *login, refused)) co_return login;
  if (login->refresh_token.empty()) {
    co_return Refusal(v1::ERROR_CLASS_ACCESS_TOKEN_REFUSED,
                      "Your session is over, and the provider gave nothing to renew it.");
  }
  v1::RefreshTokenRequest request;
  request.set_product(command->product);
  request.set_refresh_token(login->refresh_token.Reveal());
  auto refresh = std::make_shared<Refresh>(command->executor, *std::move(lock), *std::move(login));
  const auto answered = [command, refresh](absl::StatusOr<v1::RefreshTokenResponse> response) {
    Answered(command, refresh, std::move(response));
  };
  command->exit_work.Begin();
  SendDetached(command->executor, *command->client, &Client::RefreshToken, std::move(request), kRefreshCall, answered);
  while (!refresh->ended.is_set()) co_await refresh->ended.WaitUntil(SteadyTime::max());
  if (!refresh->status.ok()) co_return refresh->status;
  co_return refresh->login;
}

Task<absl::StatusOr<StoredLogin>> UsableLogin(std::shared_ptr<Command> command) {
  const WaitLine wait(command->executor, command->out, command->Asking("Looking for the session"));
  auto login = co_await command->interrupt.Guard(FreshLogin(command, Secret()));
  if (!login) co_return Cancelled();
  if (!login->ok() && IsNetworkError(login->status())) {
    co_return Refusal(
        v1::ERROR_CLASS_CLIENT_NETWORK,
        absl::StrCat("The session is to be renewed, and the authflow server at ", command->client->server(),
                     " cannot be reached: ", CauseOf(login->status()), ". You are still signed in."));
  }
  if (!login->ok() && ClassOf(login->status()) == v1::ERROR_CLASS_CLIENT_PROFILE_WRITE) {
    co_return Refusal(
        v1::ERROR_CLASS_CLIENT_PROFILE_WRITE,
        absl::StrCat("You are still signed in, but the session is to be renewed and could not be kept here. ",
                     std::string(login->status().message())));
  }
  co_return *std::move(login);
}

std::string TimeWord(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone()); }

}  // namespace authflow
