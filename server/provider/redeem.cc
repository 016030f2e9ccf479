// From a code to tokens and an identity, and from a refresh token to new tokens.

#include <algorithm>
#include <utility>

#include "server/base/text.h"
#include "server/provider/authorization_url.h"
#include "server/provider/client_request.h"
#include "server/provider/id_token.h"
#include "server/provider/identity.h"
#include "server/provider/json.h"
#include "server/provider/oidc_provider_impl.h"

namespace authflow {

using nlohmann::json;

namespace {

// A refusal waits this long at most for the revocation of the tokens that nobody gets.
constexpr absl::Duration kGiveBack = absl::Seconds(3);

}  // namespace

Task<absl::StatusOr<TokenAnswer>> OidcProvider::AskForTokens(std::string endpoint, FormFields fields, Grant grant,
                                                             absl::Time deadline) {
  const absl::Time asked = clock_.Now();
  const absl::Duration timeout = TimeoutUntil(deadline);
  if (timeout <= absl::ZeroDuration()) co_return NoTimeRefusal();
  HttpRequest request = ClientRequest(settings_, std::move(endpoint), fields, timeout);
  const absl::StatusOr<HttpResponse> response = co_await http_.Send(std::move(request));
  if (!response.ok()) co_return WireRefusal(response.status());
  std::vector<std::string_view> secrets = {settings_.client_secret.Reveal()};
  for (const auto& [name, value] : fields) {
    if (name == "code" || name == "code_verifier" || name == "refresh_token") secrets.push_back(value);
  }
  co_return ReadTokenAnswer(*response, grant, asked, settings_.scopes, secrets);
}

Task<absl::StatusOr<Verdict>> OidcProvider::Verify(Jwt jwt, absl::Time deadline) {
  absl::Duration timeout = TimeoutUntil(deadline);
  if (timeout <= absl::ZeroDuration()) co_return NoTimeRefusal();
  absl::StatusOr<std::shared_ptr<const Jwks>> keys = co_await jwks_->Get(timeout);
  if (!keys.ok()) co_return keys.status();
  const Verdict verdict = VerifySignature(jwt, **keys);
  if (verdict != Verdict::kUnknownKey) co_return verdict;
  timeout = TimeoutUntil(deadline);
  if (timeout <= absl::ZeroDuration()) co_return NoTimeRefusal();
  keys = co_await jwks_->GetNewer(timeout);
  if (!keys.ok()) co_return keys.status();
  co_return VerifySignature(jwt, **keys);
}

Task<absl::StatusOr<json>> OidcProvider::VerifiedClaims(Secret id_token, absl::Time deadline) {
  std::optional<Jwt> jwt = ParseJwt(id_token.Reveal());
  if (!jwt) co_return IdTokenRefusal("it is no signed token");
  json claims = jwt->claims;
  Jwt token = *std::move(jwt);
  const absl::StatusOr<Verdict> verdict = co_await Verify(std::move(token), deadline);
  if (!verdict.ok()) co_return verdict.status();
  if (*verdict == Verdict::kUnknownKey)
    co_return IdTokenRefusal("the provider has not published the key that signed it");
  if (*verdict == Verdict::kBad) co_return IdTokenRefusal("its signature is not good");
  co_return claims;
}

Task<absl::StatusOr<json>> OidcProvider::CheckedIdToken(Tokens tokens, Secret nonce, absl::Time deadline) {
  absl::StatusOr<json> claims = co_await VerifiedClaims(tokens.id_token, deadline);
  if (!claims.ok()) co_return claims.status();
  IdTokenExpectation expected;
  expected.issuer = settings_.issuer;
  expected.client_id = settings_.client_id;
  expected.nonce = std::move(nonce);
  expected.access_token = std::move(tokens.access_token);
  expected.now = clock_.Now();
  if (absl::Status checked = CheckIdToken(*claims, expected); !checked.ok()) co_return checked;
  co_return claims;
}

Task<absl::StatusOr<json>> OidcProvider::Userinfo(std::string endpoint, Secret access_token, absl::Time deadline) {
  if (endpoint.empty()) co_return IdentityRefusal("it has no userinfo endpoint");
  const absl::Duration timeout = TimeoutUntil(deadline);
  if (timeout <= absl::ZeroDuration()) co_return NoTimeRefusal();
  HttpRequest request = DocumentRequest(settings_, std::move(endpoint), timeout);
  request.authorization = Secret("Bearer " + access_token.Reveal());
  const absl::StatusOr<HttpResponse> response = co_await http_.Send(std::move(request));
  if (!response.ok()) co_return WireRefusal(response.status());
  if (absl::Status overload = OverloadRefusal(*response); !overload.ok()) co_return overload;
  if (response->status == 401 || response->status == 403) {
    co_return IdentityRefusal(Cat("its userinfo endpoint refused the new access token (HTTP ", response->status, ")"));
  }
  std::optional<json> user = ParseJsonObject(response->body.Reveal());
  if (response->status != 200 || !user) {
    co_return UnreadableRefusal(Cat("userinfo endpoint answered HTTP ", response->status, " with what is no user"));
  }
  co_return *std::move(user);
}

// The id_token is checked whenever there is an issuer to check it against, also when the identity comes from elsewhere.
Task<absl::StatusOr<Identity>> OidcProvider::IdentityOf(TokenAnswer answer, Secret nonce, std::string userinfo,
                                                        absl::Time deadline) {
  const IdentitySource source = settings_.identity.source;
  std::optional<json> claims;
  if (!answer.tokens.id_token.empty() && !settings_.issuer.empty()) {
    if (!AsksForOpenId(settings_)) nonce = Secret();
    absl::StatusOr<json> checked = co_await CheckedIdToken(answer.tokens, std::move(nonce), deadline);
    if (!checked.ok()) co_return checked.status();
    claims = *std::move(checked);
  }
  if (source == IdentitySource::kIdToken) {
    if (!claims) co_return IdentityRefusal("its answer has no id_token that could be checked");
    co_return FindIdentity(settings_.identity, *claims);
  }
  if (source == IdentitySource::kTokenResponseUser) {
    const auto user = answer.json.find("user");
    if (user == answer.json.end() || !user->is_object()) co_return IdentityRefusal("its token answer has no user");
    co_return FindIdentity(settings_.identity, *user);
  }
  const absl::StatusOr<json> user = co_await Userinfo(std::move(userinfo), answer.tokens.access_token, deadline);
  if (!user.ok()) co_return user.status();
  // OpenID Connect Core 5.3.2: else the answer might be of another person's token.
  if (claims && IdAt(*user, "sub") != IdAt(*claims, "sub")) {
    co_return IdTokenRefusal("its sub is not that of the userinfo answer");
  }
  co_return FindIdentity(settings_.identity, *user);
}

Task<absl::StatusOr<SignedIn>> OidcProvider::RedeemCode(CodeGrant grant) {
  const absl::StatusOr<Facts> facts = co_await GetFacts(TimeoutUntil(grant.deadline));
  if (!facts.ok()) co_return facts.status();
  FormFields fields = {{"grant_type", "authorization_code"},
                       {"code", grant.code.Reveal()},
                       {"redirect_uri", grant.redirect_uri},
                       {"code_verifier", grant.code_verifier.Reveal()}};
  AddParameters(settings_, grant.kind, OidcParameter::Place::kToken, fields);
  absl::StatusOr<TokenAnswer> answer =
      co_await AskForTokens((*facts)->endpoints.token, std::move(fields), Grant::kCode, grant.deadline);
  if (!answer.ok()) co_return answer.status();
  TokenAnswer whole = *std::move(answer);
  co_return co_await Recognise(std::move(whole), std::move(grant.nonce), (*facts)->endpoints.userinfo, grant.deadline);
}

Task<absl::StatusOr<SignedIn>> OidcProvider::Recognise(TokenAnswer answer, Secret nonce, std::string userinfo,
                                                       absl::Time deadline) {
  SignedIn signed_in;
  signed_in.tokens = answer.tokens;
  absl::StatusOr<Identity> identity =
      co_await IdentityOf(std::move(answer), std::move(nonce), std::move(userinfo), deadline);
  if (!identity.ok()) {
    // Best effort: they are good at the provider, and nobody will ever use them.
    co_await RevokeBy(std::move(signed_in.tokens), std::min(deadline, clock_.Now() + kGiveBack));
    co_return identity.status();
  }
  signed_in.identity = *std::move(identity);
  co_return signed_in;
}

Task<absl::StatusOr<Tokens>> OidcProvider::Refresh(Secret refresh_token) {
  const absl::StatusOr<Facts> facts = co_await GetFacts(settings_.timeout);
  if (!facts.ok()) co_return facts.status();
  FormFields fields = {{"grant_type", "refresh_token"}, {"refresh_token", refresh_token.Reveal()}};
  AddParameters(settings_, v1::FLOW_KIND_UNSPECIFIED, OidcParameter::Place::kToken, fields);
  const absl::Time deadline = clock_.Now() + settings_.timeout;
  absl::StatusOr<TokenAnswer> answer =
      co_await AskForTokens((*facts)->endpoints.token, std::move(fields), Grant::kRefresh, deadline);
  if (!answer.ok()) co_return answer.status();
  Tokens tokens = std::move(answer->tokens);
  // RFC 6749 6: without a new one the old one stays good.
  if (tokens.refresh_token.empty()) tokens.refresh_token = std::move(refresh_token);
  // The rotated tokens are what counts here: an id_token that cannot be trusted is left out, not a reason to lose them.
  if (!tokens.id_token.empty() && !settings_.issuer.empty()) {
    const absl::StatusOr<json> claims = co_await CheckedIdToken(tokens, Secret(), deadline);
    if (!claims.ok()) tokens.id_token = Secret();
  }
  co_return tokens;
}

}  // namespace authflow
