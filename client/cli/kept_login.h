// A login's tokens in the keyring, or in the file where there is none.
#ifndef AUTHFLOW_CLIENT_CLI_KEPT_LOGIN_H_
#define AUTHFLOW_CLIENT_CLI_KEPT_LOGIN_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/token_store.h"
#include "server/base/task.h"

namespace authflow {

// The file (token_store.h) always says who is signed in; its tokens are in it, or in the item of the keyring that it
// names. Each change makes a new item, then puts the file in place, and only then drops the old item: whoever dies in
// between leaves the old login or the new.

struct KeptLogin {
  StoredLogin login;
  std::string why_not;  // with an empty login.keyring_id: why the keyring was not used, as a clause
};

// Makes a new item of the tokens and names it in the login, if a keyring can be used.
Task<KeptLogin> PutInKeyring(std::shared_ptr<Command> command, StoredLogin login);

// The login with its tokens. NOT_FOUND: the keyring no longer has its item. UNAVAILABLE: why it cannot be asked, as a
// clause.
Task<absl::StatusOr<StoredLogin>> WithTokens(std::shared_ptr<Command> command, StoredLogin login);

// Drops one item, or with an empty id all of the profile; beside the work, and the end of the command waits a little.
void DropFromKeyring(std::shared_ptr<Command> command, std::string id);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_KEPT_LOGIN_H_
