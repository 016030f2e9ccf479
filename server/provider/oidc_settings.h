// What an OpenID or OAuth 2.0 provider needs to be told: authflow.config.v1.Provider as plain values.
#ifndef AUTHFLOW_SERVER_PROVIDER_OIDC_SETTINGS_H_
#define AUTHFLOW_SERVER_PROVIDER_OIDC_SETTINGS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "authflow/v1/flow.pb.h"
#include "server/base/secret.h"

namespace authflow {

struct OidcEndpoints {
  std::string authorization;
  std::string token;
  std::string userinfo;
  std::string jwks;
  std::string revocation;
  std::string introspection;
  std::string device_authorization;
};

enum class ClientAuthentication { kNone, kSecretBasic, kSecretPost };

struct OidcParameter {
  enum class Place { kAuthorization, kToken };
  // UNSPECIFIED: with each kind. A refresh has no kind: it sends these alone.
  v1::FlowKind kind = v1::FLOW_KIND_UNSPECIFIED;
  Place place = Place::kAuthorization;
  std::string name;
  std::string value;
};

enum class IdentitySource { kIdToken, kUserinfo, kTokenResponseUser };

struct IdentityRules {
  IdentitySource source = IdentitySource::kIdToken;
  // Names of members of the identity's JSON object. Empty: "sub" ("id" for kTokenResponseUser), "email", "name".
  std::string user_id;
  std::string email;
  std::string name;
};

struct OidcSettings {
  // With it, endpoints come from discovery, and an id_token's iss must equal it. When authorization, token and jwks are
  // all given by hand, discovery is not asked.
  std::string issuer;
  OidcEndpoints endpoints;  // a set one wins over discovery
  std::string client_id;
  ClientAuthentication client_authentication = ClientAuthentication::kNone;
  Secret client_secret;
  std::vector<std::string> scopes;
  std::vector<OidcParameter> parameters;
  IdentityRules identity;
  std::string ca_file;                         // PEM; empty: the system's
  absl::Duration timeout = absl::Seconds(10);  // of one HTTP request
  std::string access_token_audience;           // see Provider::OwnerOf
};

// Parameters that the server sets itself: OidcSettings::parameters must not name them.
bool IsReservedParameter(std::string_view name);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_OIDC_SETTINGS_H_
