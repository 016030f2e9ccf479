// The login on this machine: tokens and whose they are, one file a profile, mode 0600 in folders of mode 0700. The
// tokens may be in the keyring instead (kept_login.h).
#ifndef AUTHFLOW_CLIENT_CLI_TOKEN_STORE_H_
#define AUTHFLOW_CLIENT_CLI_TOKEN_STORE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authflow/v1/token_service.pb.h"
#include "client/cli/atomic_file.h"
#include "client/cli/folders.h"
#include "server/base/secret.h"

namespace authflow {

struct StoredLogin {
  // Tokens go to this server and product and to no other.
  std::string server;
  std::string product;
  std::string user_id;
  std::string email;  // may be empty
  std::string name;   // may be empty
  Secret access_token;
  Secret refresh_token;                   // may be empty
  Secret id_token;                        // may be empty
  std::optional<absl::Time> expire_time;  // of the access token; unset: the provider did not say
  std::vector<std::string> scopes;
  // Not empty: the tokens are in this item of the keyring, and none is in the file.
  std::string keyring_id;

  // What an answer of the server says; a refresh token or id_token that it leaves out is kept.
  void Adopt(const v1::Tokens& tokens);
  // What TokensOf made. False: it is nothing of that kind.
  bool AdoptTokens(const Secret& tokens);
  // True when the access token is over, or will be before a call could use it.
  bool Expired(absl::Time now) const;
};

// The tokens, their end and scopes, as one text.
Secret TokensOf(const StoredLogin& login);

// $XDG_DATA_HOME/authflow/tokens/NAME.json
std::string LoginPath(const Folders& folders, const std::string& profile_name);
// Taken for each change of that file: $XDG_DATA_HOME/authflow/tokens/NAME.lock
std::string LoginLockPath(const Folders& folders, const std::string& profile_name);
// Without the tokens if they are in the keyring. nullopt: nobody is signed in. INTERNAL: the file cannot be read, or is
// none of ours.
absl::StatusOr<std::optional<StoredLogin>> LoadLogin(const Folders& folders, const std::string& profile_name);
absl::StatusOr<PreparedFile> PrepareLogin(const Folders& folders, const std::string& profile_name,
                                          const StoredLogin& login);
// OK if there was none.
absl::Status DeleteLogin(const Folders& folders, const std::string& profile_name);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_TOKEN_STORE_H_
