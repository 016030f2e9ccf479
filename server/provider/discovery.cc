#include "server/provider/discovery.h"

#include <algorithm>

#include "server/base/text.h"
#include "server/provider/form.h"
#include "server/provider/json.h"
#include "server/provider/provider_error.h"

namespace authflow {
namespace {

struct Endpoint {
  const char* name;
  std::string OidcEndpoints::*place;
};

// RFC 8414 2 and OpenID Connect Discovery 3.
constexpr Endpoint kEndpoints[] = {
    {"authorization_endpoint", &OidcEndpoints::authorization},
    {"token_endpoint", &OidcEndpoints::token},
    {"userinfo_endpoint", &OidcEndpoints::userinfo},
    {"jwks_uri", &OidcEndpoints::jwks},
    {"revocation_endpoint", &OidcEndpoints::revocation},
    {"introspection_endpoint", &OidcEndpoints::introspection},
    {"device_authorization_endpoint", &OidcEndpoints::device_authorization},  // RFC 8628 4
};

}  // namespace

bool IsByHand(const OidcSettings& settings) {
  const OidcEndpoints& hand = settings.endpoints;
  return settings.issuer.empty() || (!hand.authorization.empty() && !hand.token.empty() && !hand.jwks.empty());
}

ProviderFacts FactsByHand(const OidcSettings& settings) {
  ProviderFacts facts;
  facts.endpoints = settings.endpoints;
  return facts;
}

std::string DiscoveryUrl(std::string_view issuer) {
  if (issuer.ends_with('/')) issuer.remove_suffix(1);
  return Cat(issuer, "/.well-known/openid-configuration");
}

absl::StatusOr<ProviderFacts> ReadDiscovery(const OidcSettings& settings, const HttpResponse& response) {
  if (absl::Status overload = OverloadRefusal(response); !overload.ok()) return overload;
  if (response.status != 200)
    return UnreadableRefusal(Cat("discovery document was answered with HTTP ", response.status));
  const auto document = ParseJsonObject(response.body.Reveal());
  if (!document) return UnreadableRefusal("discovery document is no JSON object");
  if (StringAt(*document, "issuer") != settings.issuer) {
    return UnreadableRefusal("discovery document names another issuer than the configured one");
  }
  ProviderFacts facts = FactsByHand(settings);
  for (const Endpoint& endpoint : kEndpoints) {
    std::string& place = facts.endpoints.*endpoint.place;
    if (!place.empty()) continue;
    place = StringAt(*document, endpoint.name);
    if (!place.empty() && !IsSafeUrl(place)) {
      return UnreadableRefusal(Cat("discovery document has a ", endpoint.name, " that is no https URL"));
    }
  }
  if (facts.endpoints.authorization.empty() || facts.endpoints.token.empty()) {
    return UnreadableRefusal("discovery document lacks the authorization or the token endpoint");
  }
  const auto promise = document->find("authorization_response_iss_parameter_supported");
  facts.promises_iss = promise != document->end() && promise->is_boolean() && promise->get<bool>();
  const auto methods = StringsAt(*document, "code_challenge_methods_supported");
  facts.refuses_s256 = !methods.empty() && std::find(methods.begin(), methods.end(), "S256") == methods.end();
  return facts;
}

}  // namespace authflow
