// The desktop's keyring (the Secret Service of freedesktop.org), through libsecret where the machine has it.
#ifndef AUTHFLOW_CLIENT_CLI_KEYRING_H_
#define AUTHFLOW_CLIENT_CLI_KEYRING_H_

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/secret.h"

namespace authflow {

// What an item is found by. None of it is secret.
struct KeyringItem {
  std::string folder;   // of this installation's data: two of them share no item
  std::string profile;  // its name
  std::string id;       // random; empty in ClearKeyring: all of the profile
};

// Longer than a keyring takes that is there and unlocked; all that a headless machine is made to wait.
inline constexpr std::chrono::milliseconds kKeyringTime(3000);

// Each blocks for at most `limit`, and afterwards the keyring works on nothing of ours. Thread-safe. UNAVAILABLE with
// the reason as a clause ("there is no session bus"): the keyring cannot be used; once one did not answer in time, no
// other is asked in this process.
absl::Status StoreInKeyring(KeyringItem item, std::string label, Secret secret, std::chrono::milliseconds limit);
// NOT_FOUND: it has no such item.
absl::StatusOr<Secret> LoadFromKeyring(KeyringItem item, std::chrono::milliseconds limit);
// OK if there was none.
absl::Status ClearKeyring(KeyringItem item, std::chrono::milliseconds limit);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_KEYRING_H_
