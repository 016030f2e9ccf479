// Profiles: which server, product and application the tool is set up for. No secret in them.
#ifndef AUTHFLOW_CLIENT_CLI_PROFILE_H_
#define AUTHFLOW_CLIENT_CLI_PROFILE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/atomic_file.h"
#include "client/cli/folders.h"

namespace authflow {

struct Profile {
  std::string server;
  std::string product;
  std::string user_id;  // who set it up
  std::string email;    // may be empty
  // Empty when the product has no application directory.
  std::string application_id;
  std::string application_name;
  std::string region;
};

// [A-Za-z0-9][A-Za-z0-9._-]{0,63}: it is a file name.
bool IsProfileName(const std::string& name);

// $XDG_CONFIG_HOME/authflow/profiles/NAME.json
std::string ProfilePath(const Folders& folders, const std::string& name);
// nullopt: there is none. INTERNAL: it cannot be read, or is no profile.
absl::StatusOr<std::optional<Profile>> LoadProfile(const Folders& folders, const std::string& name);
absl::StatusOr<PreparedFile> PrepareProfile(const Folders& folders, const std::string& name, const Profile& profile);
// How many there are.
int CountProfiles(const Folders& folders);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_PROFILE_H_
