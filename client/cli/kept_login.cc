#include "client/cli/kept_login.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/keyring.h"
#include "client/cli/on_thread.h"
#include "server/base/random.h"

namespace authflow {
namespace {

// While the command is being stopped: a new session is worth that much, and the file takes it then.
constexpr std::chrono::milliseconds kLittleTime(300);

KeyringItem ItemOf(const Command& command, std::string id) {
  return {.folder = command.folders.data, .profile = command.options.profile_name, .id = std::move(id)};
}

Task<void> Drop(std::shared_ptr<Command> command, std::string id) {
  std::function<absl::Status()> clear = [item = ItemOf(*command, std::move(id))] {
    return ClearKeyring(item, kKeyringTime);
  };
  const absl::Status cleared = co_await OnThread(std::move(clear));
  if (!cleared.ok()) command->out.Debug(absl::StrCat("left in the keyring: ", std::string(cleared.message())));
  command->exit_work.End();
}

}  // namespace

Task<KeptLogin> PutInKeyring(std::shared_ptr<Command> command, StoredLogin login) {
  const auto limit = command->interrupt.happened() ? kLittleTime : kKeyringTime;
  KeptLogin kept;
  const std::string id = RandomUuid(command->clock.Now()).ToString();
  std::function<absl::Status()> store = [item = ItemOf(*command, id), login, limit,
                                         profile = command->options.profile_name] {
    return StoreInKeyring(item, absl::StrCat("authflow: ", login.product, " at ", login.server, " (", profile, ")"),
                          TokensOf(login), limit);
  };
  // Whatever happens meanwhile, it is dropped again if it is not wanted.
  command->exit_work.Begin();
  const absl::Status stored = co_await OnThread(std::move(store));
  command->exit_work.End();
  kept.login = std::move(login);
  kept.login.keyring_id = stored.ok() ? id : "";
  kept.why_not = std::string(stored.message());
  co_return kept;
}

Task<absl::StatusOr<StoredLogin>> WithTokens(std::shared_ptr<Command> command, StoredLogin login) {
  if (login.keyring_id.empty()) co_return login;
  std::function<absl::StatusOr<Secret>()> load = [item = ItemOf(*command, login.keyring_id)] {
    return LoadFromKeyring(item, kKeyringTime);
  };
  const auto tokens = co_await OnThread(std::move(load));
  if (!tokens.ok()) co_return tokens.status();
  if (!login.AdoptTokens(*tokens)) co_return absl::NotFoundError("its item in the keyring is no login");
  co_return login;
}

void DropFromKeyring(std::shared_ptr<Command> command, std::string id) {
  command->exit_work.Begin();
  boost::asio::co_spawn(command->executor, Drop(command, std::move(id)), boost::asio::detached);
}

}  // namespace authflow
