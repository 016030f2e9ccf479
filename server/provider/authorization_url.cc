#include "server/provider/authorization_url.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_join.h"

namespace authflow {

bool IsReservedParameter(std::string_view name) {
  static constexpr std::string_view kReserved[] = {"response_type",  "response_mode",
                                                   "client_id",      "client_secret",
                                                   "redirect_uri",   "scope",
                                                   "state",          "nonce",
                                                   "code",           "code_verifier",
                                                   "code_challenge", "code_challenge_method",
                                                   "grant_type",     "refresh_token",
                                                   "login_hint",     "request",
                                                   "request_uri",    "client_assertion",
                                                   "token",          "client_assertion_type",
                                                   "device_code"};
  return std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved);
}

bool AsksForOpenId(const OidcSettings& settings) {
  return std::find(settings.scopes.begin(), settings.scopes.end(), "openid") != settings.scopes.end();
}

std::string S256Challenge(const Secret& code_verifier) { return EncodeBase64Url(Sha256(code_verifier.Reveal())); }

Secret BuildAuthorizationUrl(const OidcSettings& settings, const std::string& endpoint,
                             const AuthorizationRequest& request) {
  const std::string challenge = S256Challenge(request.code_verifier);
  const std::string scope = absl::StrJoin(settings.scopes, " ");
  FormViews fields;
  fields.reserve(9 + settings.parameters.size());
  fields = {
      {"response_type", "code"},         {"client_id", settings.client_id}, {"redirect_uri", request.redirect_uri},
      {"state", request.state.Reveal()}, {"code_challenge", challenge},     {"code_challenge_method", "S256"}};
  if (!scope.empty()) fields.emplace_back("scope", scope);
  if (AsksForOpenId(settings)) fields.emplace_back("nonce", request.nonce.Reveal());
  if (!request.login_hint.empty()) fields.emplace_back("login_hint", request.login_hint);
  AddParameters(settings, request.kind, OidcParameter::Place::kAuthorization, fields);
  return Secret(WithQuery(endpoint, fields));
}

}  // namespace authflow
