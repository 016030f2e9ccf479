#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "server/config/read_product.h"

namespace authflow {
namespace {

using config::v1::Provider;

OidcEndpoints ReadEndpoints(const At& at, const config::v1::Endpoints& proto) {
  const auto read = [&at](std::string_view name, const std::string& url) {
    if (!url.empty()) CheckUrl(at.Field(name), url, /*query=*/true);
    return url;
  };
  OidcEndpoints endpoints;
  endpoints.authorization = read("authorization", proto.authorization());
  endpoints.token = read("token", proto.token());
  endpoints.userinfo = read("userinfo", proto.userinfo());
  endpoints.jwks = read("jwks", proto.jwks());
  endpoints.revocation = read("revocation", proto.revocation());
  endpoints.introspection = read("introspection", proto.introspection());
  endpoints.device_authorization = read("device_authorization", proto.device_authorization());
  return endpoints;
}

void ReadClient(const At& at, const Provider& proto, OidcSettings& provider) {
  provider.client_id = proto.client_id();
  if (proto.client_id().empty()) at.Field("client_id").Problem("required");
  if (!IsGraphic(proto.client_id())) at.Field("client_id").Problem("must be printable ASCII without spaces");
  const At authentication = at.Field("client_authentication");
  switch (proto.client_authentication()) {
    case config::v1::CLIENT_AUTHENTICATION_UNSPECIFIED:
      provider.client_authentication = ClientAuthentication::kNone;
      if (proto.has_client_secret()) {
        at.Field("client_secret").Problem("is never sent by a public client: set client_authentication, or remove it");
      }
      return;
    case config::v1::CLIENT_AUTHENTICATION_CLIENT_SECRET_BASIC:
      provider.client_authentication = ClientAuthentication::kSecretBasic;
      break;
    case config::v1::CLIENT_AUTHENTICATION_CLIENT_SECRET_POST:
      provider.client_authentication = ClientAuthentication::kSecretPost;
      break;
    default:
      return authentication.Problem("unknown value");
  }
  if (proto.has_client_secret()) {
    provider.client_secret = ReadSecret(at.Field("client_secret"), proto.client_secret());
  } else {
    at.Field("client_secret").Problem("required with this client_authentication");
  }
}

std::vector<std::string> ReadScopes(const At& at, const Provider& proto) {
  if (proto.scopes_size() == 0) {
    if (proto.issuer().empty()) return {};
    return {"openid", "email", "profile", "offline_access"};
  }
  std::vector<std::string> scopes;
  std::set<std::string> seen;
  for (int i = 0; i < proto.scopes_size(); ++i) {
    const std::string& scope = proto.scopes(i);
    const At element = at.Element("scopes", i);
    if (scope.empty() || !IsGraphic(scope) || scope.find_first_of("\"\\") != std::string::npos) {
      element.Problem("not a scope (RFC 6749 3.3): printable ASCII without spaces, quotes and backslashes");
    }
    if (!seen.insert(scope).second) element.Problem("stands here twice");
    scopes.push_back(scope);
  }
  return scopes;
}

std::vector<OidcParameter> ReadParameters(const At& at, const Provider& proto) {
  std::vector<OidcParameter> parameters;
  std::set<std::tuple<int, int, std::string>> seen;
  for (int i = 0; i < proto.parameters_size(); ++i) {
    const config::v1::Parameter& parameter = proto.parameters(i);
    const At element = at.Element("parameters", i);
    if (!v1::FlowKind_IsValid(parameter.kind())) element.Field("kind").Problem("unknown value");
    if (parameter.place() != config::v1::PARAMETER_PLACE_AUTHORIZATION &&
        parameter.place() != config::v1::PARAMETER_PLACE_TOKEN) {
      element.Field("place").Problem("must be PARAMETER_PLACE_AUTHORIZATION or PARAMETER_PLACE_TOKEN");
    }
    if (parameter.name().empty()) element.Field("name").Problem("required");
    if (!IsGraphic(parameter.name())) element.Field("name").Problem("must be printable ASCII without spaces");
    if (IsReservedParameter(parameter.name()))
      element.Field("name").Problem(Cat(parameter.name(), " is set by the server itself"));
    if (!seen.emplace(parameter.kind(), parameter.place(), parameter.name()).second) {
      element.Problem("stands here twice for the same kind and place");
    }
    const auto place = parameter.place() == config::v1::PARAMETER_PLACE_TOKEN ? OidcParameter::Place::kToken
                                                                              : OidcParameter::Place::kAuthorization;
    parameters.push_back({parameter.kind(), place, parameter.name(), parameter.value()});
  }
  return parameters;
}

IdentityRules ReadIdentity(const At& at, const Provider& proto) {
  const auto& rules = proto.identity();
  const bool by_issuer = !proto.issuer().empty();
  IdentityRules identity;
  const At source = at.Field("identity").Field("source");
  switch (rules.source()) {
    case config::v1::IDENTITY_SOURCE_UNSPECIFIED:
      identity.source = by_issuer ? IdentitySource::kIdToken : IdentitySource::kUserinfo;
      break;
    case config::v1::IDENTITY_SOURCE_ID_TOKEN:
      identity.source = IdentitySource::kIdToken;
      if (!by_issuer) source.Problem("an id_token can only be checked with an issuer: set provider.issuer");
      break;
    case config::v1::IDENTITY_SOURCE_USERINFO:
      identity.source = IdentitySource::kUserinfo;
      break;
    case config::v1::IDENTITY_SOURCE_TOKEN_RESPONSE_USER:
      identity.source = IdentitySource::kTokenResponseUser;
      break;
    default:
      source.Problem("unknown value");
  }
  if (identity.source == IdentitySource::kUserinfo && !by_issuer && proto.endpoints().userinfo().empty()) {
    at.Field("endpoints").Field("userinfo").Problem("required without an issuer: the identity comes from it");
  }
  const bool user_object = identity.source == IdentitySource::kTokenResponseUser;
  identity.user_id = !rules.user_id().empty() ? rules.user_id() : user_object ? "id" : "sub";
  identity.email = !rules.email().empty() ? rules.email() : "email";
  identity.name = !rules.name().empty() ? rules.name() : "name";
  return identity;
}

}  // namespace

OidcSettings ReadProvider(const At& at, const Provider& proto) {
  OidcSettings provider;
  provider.issuer = proto.issuer();
  if (!proto.issuer().empty()) {
    CheckUrl(at.Field("issuer"), proto.issuer(), /*query=*/false);
  } else if (proto.endpoints().authorization().empty() && proto.endpoints().token().empty()) {
    at.Field("issuer").Problem("required, or else endpoints by hand");
  } else {
    const At endpoints = at.Field("endpoints");
    if (proto.endpoints().authorization().empty())
      endpoints.Field("authorization").Problem("required without an issuer");
    if (proto.endpoints().token().empty()) endpoints.Field("token").Problem("required without an issuer");
  }
  provider.endpoints = ReadEndpoints(at.Field("endpoints"), proto.endpoints());
  ReadClient(at, proto, provider);
  provider.scopes = ReadScopes(at, proto);
  provider.parameters = ReadParameters(at, proto);
  provider.identity = ReadIdentity(at, proto);
  const bool needs_openid = provider.identity.source == IdentitySource::kIdToken && !proto.issuer().empty();
  if (needs_openid && proto.scopes_size() > 0 &&
      std::count(provider.scopes.begin(), provider.scopes.end(), "openid") == 0) {
    at.Field("scopes").Problem("must have \"openid\": without it the provider gives no id_token");
  }
  provider.ca_file = ReadFilePath(at.Field("ca_file"), proto.ca_file());
  provider.timeout = ReadDuration(at.Field("timeout"), proto.has_timeout(), proto.timeout(), absl::Seconds(10),
                                  absl::Milliseconds(100), absl::Seconds(60));
  provider.access_token_audience = proto.access_token_audience();
  if (!IsGraphic(proto.access_token_audience())) {
    at.Field("access_token_audience").Problem("must be printable ASCII without spaces");
  }
  return provider;
}

}  // namespace authflow
