#include <map>

#include "absl/strings/match.h"
#include "server/provider/oidc_provider_fixture.h"

namespace authflow {
namespace {

using nlohmann::json;

TEST_F(OidcProviderTest, TheAuthorizationUrlHasWhatTheProtocolAsksFor) {
  OidcSettings settings = world_.Settings();
  settings.parameters = {{v1::FLOW_KIND_SIGNUP, OidcParameter::Place::kAuthorization, "prompt", "create"},
                         {v1::FLOW_KIND_UNSPECIFIED, OidcParameter::Place::kAuthorization, "audience", "https://api"},
                         {v1::FLOW_KIND_UNSPECIFIED, OidcParameter::Place::kToken, "resource", "r"}};
  const auto provider = Make(settings);
  AuthorizationRequest request = Request();
  request.login_hint = "a@b";
  const auto url = Wait(provider->AuthorizationUrl(request));
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_TRUE(absl::StartsWith(url->Reveal(), "https://idp.test/authorize?tenant=1&"));
  EXPECT_EQ(url->Reveal().find('+'), std::string::npos);
  const std::map<std::string, std::string> expected = {
      {"tenant", "1"},
      {"response_type", "code"},
      {"client_id", "the client"},
      {"redirect_uri", request.redirect_uri},
      {"state", "the-state"},
      {"nonce", "the-nonce"},
      {"scope", "openid email"},
      {"login_hint", "a@b"},
      {"code_challenge_method", "S256"},
      {"code_challenge", EncodeBase64Url(Sha256(std::string(43, 'v')))},
      {"audience", "https://api"}};
  EXPECT_EQ(Query(*url), expected);
  request.kind = v1::FLOW_KIND_SIGNUP;
  EXPECT_EQ(Query(*Wait(provider->AuthorizationUrl(request)))["prompt"], "create");
}

TEST_F(OidcProviderTest, WithoutOpenIdNoNonceIsSent) {
  OidcSettings settings = world_.Settings();
  settings.scopes = {"repo"};
  settings.identity.source = IdentitySource::kUserinfo;
  const auto url = Wait(Make(settings)->AuthorizationUrl(Request()));
  EXPECT_EQ(Query(*url).count("nonce"), 0u);
  settings.scopes.clear();
  EXPECT_EQ(Query(*Wait(Make(settings)->AuthorizationUrl(Request()))).count("scope"), 0u);
}

TEST_F(OidcProviderTest, ASignInGivesTokensAndIdentity) {
  const auto provider = Make(world_.Settings());
  const auto signed_in = SignIn(provider);
  ASSERT_TRUE(signed_in.ok()) << signed_in.status();
  EXPECT_EQ(signed_in->identity.user_id, "user-1");
  EXPECT_EQ(signed_in->identity.email, "u@example.com");
  EXPECT_EQ(signed_in->identity.name, "U Example");
  EXPECT_TRUE(absl::StartsWith(signed_in->tokens.access_token.Reveal(), "access-"));
  EXPECT_FALSE(signed_in->tokens.id_token.empty());
  EXPECT_EQ(signed_in->tokens.expire, clock_.Now() + absl::Hours(1));
  EXPECT_EQ(signed_in->tokens.scopes, (std::vector<std::string>{"openid", "email"}));
  EXPECT_EQ(world_.Count("userinfo"), 0);
  EXPECT_EQ(world_.Count("token"), 1);
  HttpRequest request = world_.Last("token");
  EXPECT_EQ(request.method, "POST");
  EXPECT_TRUE(request.authorization.empty());
  EXPECT_EQ(request.headers[0], (std::pair<std::string, std::string>("Accept", "application/json")));
}

TEST_F(OidcProviderTest, EachWayOfClientAuthenticationWorks) {
  for (const auto how : {ClientAuthentication::kSecretBasic, ClientAuthentication::kSecretPost}) {
    OidcSettings settings = world_.Settings();
    settings.client_authentication = how;
    settings.client_secret = Secret(ProviderWorld::kSecret);
    EXPECT_TRUE(SignIn(Make(settings)).ok());
    const bool basic = how == ClientAuthentication::kSecretBasic;
    EXPECT_EQ(world_.Last("token").authorization.empty(), !basic);
    EXPECT_EQ(absl::StrContains(world_.Last("token").body.Reveal(), "client_secret="), !basic);
    settings.client_secret = Secret("wrong");
    EXPECT_EQ(Class(SignIn(Make(settings)).status()), "PROVIDER_CLIENT_REFUSED");
  }
}

TEST_F(OidcProviderTest, ExtraParametersGoToTheTokenRequest) {
  OidcSettings settings = world_.Settings();
  settings.parameters = {{v1::FLOW_KIND_LOGIN, OidcParameter::Place::kToken, "resource", "r"},
                         {v1::FLOW_KIND_UNSPECIFIED, OidcParameter::Place::kToken, "audience", "a"}};
  const auto provider = Make(settings);
  const auto signed_in = SignIn(provider);
  ASSERT_TRUE(signed_in.ok());
  const auto has = [&](const char* name) { return absl::StrContains(world_.Last("token").body.Reveal(), name); };
  EXPECT_TRUE(has("resource=r") && has("audience=a"));
  ASSERT_TRUE(Wait(provider->Refresh(signed_in->tokens.refresh_token)).ok());
  EXPECT_TRUE(!has("resource=r") && has("audience=a"));
}

TEST_F(OidcProviderTest, ACodeIsGoodOnceAndOnlyWithItsVerifier) {
  const auto provider = Make(world_.Settings());
  CodeGrant grant = Grant(world_.Authorize(*Wait(provider->AuthorizationUrl(Request()))));
  CodeGrant wrong = grant;
  wrong.code_verifier = Secret(std::string(43, 'w'));
  EXPECT_EQ(Class(Wait(provider->RedeemCode(wrong)).status()), "CODE_REFUSED");
  EXPECT_TRUE(Wait(provider->RedeemCode(grant)).ok());
  EXPECT_EQ(Class(Wait(provider->RedeemCode(grant)).status()), "CODE_REFUSED");
  EXPECT_EQ(world_.Count("token"), 3);
}

TEST_F(OidcProviderTest, NoRequestOutlivesTheGrant) {
  const auto provider = Make(world_.Settings());
  CodeGrant grant = Grant(world_.Authorize(*Wait(provider->AuthorizationUrl(Request()))));
  grant.deadline = clock_.Now() + absl::Seconds(3);
  CodeGrant late = grant;
  late.deadline = clock_.Now();
  EXPECT_EQ(Class(Wait(provider->RedeemCode(late)).status()), "PROVIDER_TIMEOUT");
  EXPECT_EQ(world_.Count("token"), 0);
  EXPECT_TRUE(Wait(provider->RedeemCode(grant)).ok());
  EXPECT_EQ(world_.Last("token").timeout, absl::Seconds(3));
  EXPECT_EQ(world_.Last("jwks").timeout, absl::Seconds(3));
}

TEST_F(OidcProviderTest, ABrokenWireHasItsClass) {
  const std::pair<absl::Status, const char*> wires[] = {
      {absl::UnavailableError("https://idp.test: refused"), "PROVIDER_UNREACHABLE"},
      {absl::DeadlineExceededError("https://idp.test: no answer"), "PROVIDER_TIMEOUT"},
      {absl::ResourceExhaustedError("https://idp.test: larger"), "PROVIDER_INVALID_RESPONSE"},
      {absl::InvalidArgumentError("not a URL"), "PROVIDER_INVALID_RESPONSE"}};
  for (const char* endpoint : {"openid-configuration", "jwks", "token", "userinfo"}) {
    for (const auto& [wire, expected] : wires) {
      OidcSettings settings = world_.Settings();
      settings.identity.source = IdentitySource::kUserinfo;
      world_.instead = {{endpoint, wire}};
      EXPECT_EQ(Class(SignIn(Make(settings)).status()), expected) << endpoint;
    }
  }
}

TEST_F(OidcProviderTest, GarbageIsAnInvalidResponseAndOverloadIsSaid) {
  const std::pair<HttpResponse, const char*> answers[] = {
      {ProviderWorld::Answer(200, "<html>", "text/html"), "PROVIDER_INVALID_RESPONSE"},
      {ProviderWorld::Answer(404, "Not Found", "text/plain"), "PROVIDER_INVALID_RESPONSE"},
      {ProviderWorld::Answer(429, ""), "PROVIDER_RATE_LIMITED"},
      {ProviderWorld::Answer(503, ""), "PROVIDER_ERROR"}};
  for (const char* endpoint : {"openid-configuration", "jwks", "token", "userinfo"}) {
    for (const auto& [answer, expected] : answers) {
      OidcSettings settings = world_.Settings();
      settings.identity.source = IdentitySource::kUserinfo;
      world_.instead.clear();
      world_.instead.emplace(endpoint, answer);
      EXPECT_EQ(Class(SignIn(Make(settings)).status()), expected) << endpoint;
    }
  }
}

TEST_F(OidcProviderTest, ARefreshRotates) {
  const auto provider = Make(world_.Settings());
  const auto signed_in = SignIn(provider);
  ASSERT_TRUE(signed_in.ok());
  const auto first = Wait(provider->Refresh(signed_in->tokens.refresh_token));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_FALSE(first->refresh_token == signed_in->tokens.refresh_token);
  EXPECT_FALSE(first->id_token.empty());
  EXPECT_EQ(Class(Wait(provider->Refresh(signed_in->tokens.refresh_token)).status()), "REFRESH_TOKEN_REFUSED");

  world_.token_answer = [](json& answer) { answer.erase("refresh_token"); };
  const auto second = Wait(provider->Refresh(first->refresh_token));
  ASSERT_TRUE(second.ok());
  EXPECT_TRUE(second->refresh_token == first->refresh_token);
}

TEST_F(OidcProviderTest, ARefreshSurvivesABadIdTokenWithoutIt) {
  const auto provider = Make(world_.Settings());
  const auto signed_in = SignIn(provider);
  world_.id_token = [](Draft& t) { t.claims["aud"] = "other"; };
  const auto tokens = Wait(provider->Refresh(signed_in->tokens.refresh_token));
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  EXPECT_TRUE(tokens->id_token.empty());
}

TEST_F(OidcProviderTest, RevocationGoesFromTheRefreshTokenToTheAccessToken) {
  const auto provider = Make(world_.Settings());
  Tokens tokens;
  tokens.access_token = Secret("a");
  tokens.refresh_token = Secret("r");
  EXPECT_TRUE(Wait(provider->Revoke(tokens)).ok());
  EXPECT_EQ(world_.Count("revoke"), 2);
  EXPECT_EQ(world_.LastForm("revoke"),
            (FormFields{{"token", "a"}, {"token_type_hint", "access_token"}, {"client_id", "the client"}}));
  EXPECT_FALSE(Wait(provider->Revoke(Tokens())).ok());
  const std::pair<absl::StatusOr<HttpResponse>, const char*> answers[] = {
      {ProviderWorld::Answer(503, ""), "PROVIDER_ERROR"},
      {ProviderWorld::Answer(429, ""), "PROVIDER_RATE_LIMITED"},
      {ProviderWorld::Answer(401, R"({"error":"invalid_client"})"), "PROVIDER_CLIENT_REFUSED"},
      {absl::UnavailableError("gone"), "PROVIDER_UNREACHABLE"},
      {ProviderWorld::Answer(400, R"({"error":"unsupported_token_type"})"), ""}};
  for (const auto& [answer, expected] : answers) {
    world_.instead.clear();
    world_.instead.emplace("revoke", answer);
    const absl::Status revoked = Wait(provider->Revoke(tokens));
    EXPECT_FALSE(revoked.ok());
    EXPECT_EQ(ClassOf(revoked) == v1::ERROR_CLASS_UNSPECIFIED ? "" : Class(revoked), expected);
  }
  EXPECT_EQ(world_.Count("revoke"), 12) << "each time both tokens are tried";
  world_.discovery.erase("revocation_endpoint");
  const absl::Status without = Wait(Make(world_.Settings())->Revoke(tokens));
  EXPECT_EQ(ClassOf(without), v1::ERROR_CLASS_UNSPECIFIED);
  EXPECT_FALSE(without.ok());
}

TEST_F(OidcProviderTest, TokensThatNobodyGetsAreRevoked) {
  const std::pair<std::function<void()>, const char*> refusals[] = {
      {[&] { world_.id_token = [](Draft& t) { t.claims["aud"] = "other"; }; }, "ID_TOKEN_INVALID"},
      {[&] { world_.id_token = [](Draft& t) { t.claims.erase("nonce"); }; }, "ID_TOKEN_INVALID"},
      {[&] { world_.token_answer = [](json& answer) { answer.erase("id_token"); }; }, "IDENTITY_MISSING"},
      {[&] {
         world_.token_answer = [](json&) {};
         world_.instead.emplace("jwks", absl::UnavailableError("gone"));
       },
       "PROVIDER_UNREACHABLE"}};
  int revoked = 0;
  for (const auto& [refuse, expected] : refusals) {
    refuse();
    EXPECT_EQ(Class(SignIn(Make(world_.Settings())).status()), expected);
    revoked += 2;
    EXPECT_EQ(world_.Count("revoke"), revoked) << expected;
    EXPECT_EQ(world_.Last("revoke").timeout, absl::Seconds(3)) << "a refusal does not wait longer for it";
  }
  // What cannot be revoked is refused all the same.
  world_.instead.emplace("revoke", absl::DeadlineExceededError("no answer"));
  EXPECT_EQ(Class(SignIn(Make(world_.Settings())).status()), "PROVIDER_UNREACHABLE");
}

TEST_F(OidcProviderTest, NoMessageHasASecret) {
  OidcSettings settings = world_.Settings();
  settings.client_authentication = ClientAuthentication::kSecretPost;
  settings.client_secret = Secret("wrong-secret");
  world_.instead.emplace("token",
                         ProviderWorld::Answer(400, R"({"error":"odd","error_description":"code code-1 wrong-secret )" +
                                                        std::string(43, 'v') + R"( u@example.com"})"));
  const std::string message(SignIn(Make(settings)).status().message());
  EXPECT_NE(message.find("odd"), std::string::npos);
  for (const char* secret : {"code-1", "wrong-secret", "vvv", "u@example.com"}) {
    EXPECT_EQ(message.find(secret), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace authflow
