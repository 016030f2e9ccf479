// A provider's own description of itself (OpenID Connect Discovery 1.0). Pure.
#ifndef AUTHFLOW_SERVER_PROVIDER_DISCOVERY_H_
#define AUTHFLOW_SERVER_PROVIDER_DISCOVERY_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/base/http/http_client.h"
#include "server/provider/oidc_settings.h"

namespace authflow {

// What we know about a provider.
struct ProviderFacts {
  OidcEndpoints endpoints;
  bool promises_iss = false;  // RFC 9207 3: each authorization response has an iss
  bool refuses_s256 = false;  // it lists the methods of PKCE that it supports, and S256 is not among them
};

// True: endpoints by hand are all that is needed, there is nothing to discover.
bool IsByHand(const OidcSettings& settings);

// What the settings alone say.
ProviderFacts FactsByHand(const OidcSettings& settings);

// Where the document of an issuer is (Discovery 4).
std::string DiscoveryUrl(std::string_view issuer);

// Reads the document; endpoints by hand win. PROVIDER_INVALID_RESPONSE: no document, another issuer (Discovery 4.3), an
// endpoint that is missing, or neither https nor on loopback.
absl::StatusOr<ProviderFacts> ReadDiscovery(const OidcSettings& settings, const HttpResponse& response);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_DISCOVERY_H_
