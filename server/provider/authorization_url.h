// The authorization request (RFC 6749 4.1.1, RFC 7636 4.3, OpenID Connect Core 3.1.2.1). Pure.
#ifndef AUTHFLOW_SERVER_PROVIDER_AUTHORIZATION_URL_H_
#define AUTHFLOW_SERVER_PROVIDER_AUTHORIZATION_URL_H_

#include <string>

#include "server/base/secret.h"
#include "server/provider/form.h"
#include "server/provider/oidc_settings.h"
#include "server/provider/provider.h"

namespace authflow {

// A nonce is sent, and expected in the id_token, only with the scope "openid".
bool AsksForOpenId(const OidcSettings& settings);

// BASE64URL(SHA256(verifier)).
std::string S256Challenge(const Secret& code_verifier);

Secret BuildAuthorizationUrl(const OidcSettings& settings, const std::string& endpoint,
                             const AuthorizationRequest& request);

// Adds the parameters of that kind and place.
// `fields`: FormFields, or FormViews that the settings outlive.
template <typename Fields>
void AddParameters(const OidcSettings& settings, v1::FlowKind kind, OidcParameter::Place place, Fields& fields) {
  for (const OidcParameter& parameter : settings.parameters) {
    if (parameter.place != place) continue;
    if (parameter.kind != v1::FLOW_KIND_UNSPECIFIED && parameter.kind != kind) continue;
    fields.emplace_back(parameter.name, parameter.value);
  }
}

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_AUTHORIZATION_URL_H_
