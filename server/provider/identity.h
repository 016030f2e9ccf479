// Who signed in, found where the configuration says. Pure.
#ifndef AUTHFLOW_SERVER_PROVIDER_IDENTITY_H_
#define AUTHFLOW_SERVER_PROVIDER_IDENTITY_H_

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "server/provider/oidc_settings.h"
#include "server/provider/provider.h"

namespace authflow {

// `from` is the object that the rules' source names. IDENTITY_MISSING when it has no user id.
absl::StatusOr<Identity> FindIdentity(const IdentityRules& rules, const nlohmann::json& from);

// The name of the member that holds the user id.
std::string UserIdName(const IdentityRules& rules);

absl::Status IdentityRefusal(const std::string& where);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_IDENTITY_H_
