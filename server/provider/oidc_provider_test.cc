#include "server/provider/oidc_provider.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <map>

#include "absl/strings/match.h"
#include "server/base/error_class.h"
#include "server/provider/provider_world.h"
#include "tests/support/run_task.h"

namespace authflow {
namespace {

using nlohmann::json;

class OidcProviderTest : public testing::Test {
 protected:
  std::shared_ptr<Provider> Make(const OidcSettings& settings) { return NewOidcProvider(settings, world_, clock_); }

  static AuthorizationRequest Request() {
    AuthorizationRequest request;
    request.kind = v1::FLOW_KIND_LOGIN;
    request.redirect_uri = ProviderWorld::kRedirect;
    request.state = Secret("the-state");
    request.nonce = Secret("the-nonce");
    request.code_verifier = Secret(std::string(43, 'v'));
    return request;
  }

  CodeGrant Grant(std::string code) {
    CodeGrant grant;
    grant.kind = v1::FLOW_KIND_LOGIN;
    grant.code = Secret(std::move(code));
    grant.code_verifier = Secret(std::string(43, 'v'));
    grant.nonce = Secret("the-nonce");
    grant.redirect_uri = ProviderWorld::kRedirect;
    grant.deadline = clock_.Now() + absl::Seconds(30);
    return grant;
  }

  absl::StatusOr<SignedIn> SignIn(const std::shared_ptr<Provider>& provider) {
    const absl::StatusOr<Secret> url = Wait(provider->AuthorizationUrl(Request()));
    if (!url.ok()) return url.status();
    return Wait(provider->RedeemCode(Grant(world_.Authorize(*url))));
  }

  static std::map<std::string, std::string> Query(const Secret& url) {
    const std::string& text = url.Reveal();
    const FormFields fields = *DecodeForm(std::string_view(text).substr(text.find('?') + 1));
    return {fields.begin(), fields.end()};
  }

  static std::string Class(const absl::Status& status) { return NameOf(ClassOf(status)); }

  FakeClock clock_{absl::FromUnixSeconds(1800000000)};
  ProviderWorld world_{clock_};
};

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
      {"tenant", "1"}, {"response_type", "code"}, {"client_id", "the client"}, {"redirect_uri", request.redirect_uri},
      {"state", "the-state"}, {"nonce", "the-nonce"}, {"scope", "openid email"}, {"login_hint", "a@b"},
      {"code_challenge_method", "S256"}, {"code_challenge", EncodeBase64Url(Sha256(std::string(43, 'v')))},
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

TEST_F(OidcProviderTest, ADiscoveryDocumentThatCannotBeTrustedIsRefused) {
  const std::function<void(json&)> changes[] = {
      [](json& d) { d["issuer"] = "https://idp.test/tenant/"; },
      [](json& d) { d.erase("issuer"); },
      [](json& d) { d.erase("token_endpoint"); },
      [](json& d) { d.erase("authorization_endpoint"); },
      [](json& d) { d["token_endpoint"] = "http://idp.test/token"; },
      [](json& d) { d["jwks_uri"] = "file:///etc/passwd"; },
      [](json& d) { d = json::array(); },
  };
  for (const auto& change : changes) {
    ProviderWorld world(clock_);
    change(world.discovery);
    const auto provider = NewOidcProvider(world.Settings(), world, clock_);
    EXPECT_EQ(Class(Wait(provider->AuthorizationUrl(Request())).status()), "PROVIDER_INVALID_RESPONSE")
        << world.discovery.dump();
  }
}

TEST_F(OidcProviderTest, DiscoveryIsAskedAtTheIssuersPath) {
  ASSERT_TRUE(Wait(Make(world_.Settings())->AuthorizationUrl(Request())).ok());
  EXPECT_EQ(world_.Last("openid-configuration").url, "https://idp.test/tenant/.well-known/openid-configuration");
}

TEST_F(OidcProviderTest, ConcurrentCallersShareOneDiscovery) {
  const auto provider = Make(world_.Settings());
  world_.Hold("openid-configuration");
  std::vector<std::future<absl::StatusOr<Secret>>> urls;
  for (int i = 0; i < 20; ++i) {
    urls.push_back(
        boost::asio::co_spawn(TestExecutor(), provider->AuthorizationUrl(Request()), boost::asio::use_future));
  }
  world_.WaitUntilHeld(1);
  world_.Release();
  for (auto& url : urls) EXPECT_TRUE(url.get().ok());
  EXPECT_EQ(world_.Count("openid-configuration"), 1);
}

TEST_F(OidcProviderTest, AStaleDiscoveryIsRefreshedInTheBackground) {
  const auto provider = Make(world_.Settings());
  const auto endpoint = [&] {
    const auto url = Wait(provider->AuthorizationUrl(Request()));
    return url.ok() ? url->Reveal().substr(0, url->Reveal().find('?')) : Class(url.status());
  };
  EXPECT_EQ(endpoint(), "https://idp.test/authorize");
  clock_.Advance(absl::Minutes(59));
  EXPECT_EQ(endpoint(), "https://idp.test/authorize");
  EXPECT_EQ(world_.Count("openid-configuration"), 1);

  world_.discovery["authorization_endpoint"] = "https://idp.test/v2";
  clock_.Advance(absl::Minutes(1));
  world_.Hold("openid-configuration");
  EXPECT_EQ(endpoint(), "https://idp.test/authorize");  // did not wait
  world_.WaitUntilHeld(1);
  EXPECT_EQ(endpoint(), "https://idp.test/authorize");
  EXPECT_EQ(world_.Count("openid-configuration"), 2);
  world_.Release();
  while (endpoint() != "https://idp.test/v2") std::this_thread::yield();
}

TEST_F(OidcProviderTest, AFailedRefreshKeepsTheOldDocumentForADay) {
  const auto provider = Make(world_.Settings());
  ASSERT_TRUE(Wait(provider->AuthorizationUrl(Request())).ok());
  world_.instead.emplace("openid-configuration", absl::UnavailableError("gone"));
  clock_.Advance(absl::Hours(23));
  EXPECT_TRUE(Wait(provider->AuthorizationUrl(Request())).ok());
  while (world_.Count("openid-configuration") < 2) std::this_thread::yield();
  EXPECT_TRUE(Wait(provider->AuthorizationUrl(Request())).ok());
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Class(Wait(provider->AuthorizationUrl(Request())).status()), "PROVIDER_UNREACHABLE");
  world_.instead.clear();
  EXPECT_TRUE(Wait(provider->AuthorizationUrl(Request())).ok());
}

TEST_F(OidcProviderTest, EndpointsByHandWinOverDiscovery) {
  OidcSettings settings = world_.Settings();
  settings.endpoints.authorization = "https://hand.test/authorize";
  EXPECT_TRUE(absl::StartsWith(Wait(Make(settings)->AuthorizationUrl(Request()))->Reveal(), "https://hand.test/authorize?"));
  EXPECT_EQ(world_.Count("openid-configuration"), 1);
  settings.endpoints.token = "https://hand.test/token";
  settings.endpoints.jwks = "https://hand.test/jwks";
  EXPECT_TRUE(SignIn(Make(settings)).ok());
  EXPECT_EQ(world_.Count("openid-configuration"), 1);
  EXPECT_EQ(world_.Last("token").url, "https://hand.test/token");
}

TEST_F(OidcProviderTest, TheIssuerOfARedirectIsChecked) {
  const auto provider = Make(world_.Settings());
  EXPECT_TRUE(Wait(provider->CheckIssuer(ProviderWorld::kIssuer)).ok());
  EXPECT_EQ(Class(Wait(provider->CheckIssuer("https://evil.test"))), "ISSUER_MISMATCH");
  EXPECT_EQ(Class(Wait(provider->CheckIssuer(""))), "ISSUER_MISMATCH");
  EXPECT_EQ(Class(Wait(provider->CheckIssuer(std::nullopt))), "ISSUER_MISMATCH");
  world_.discovery.erase("authorization_response_iss_parameter_supported");
  EXPECT_TRUE(Wait(Make(world_.Settings())->CheckIssuer(std::nullopt)).ok());
  OidcSettings by_hand = world_.Settings();
  by_hand.issuer.clear();
  EXPECT_TRUE(Wait(Make(by_hand)->CheckIssuer("https://any.test")).ok());
}

TEST_F(OidcProviderTest, UserIdsOfEveryKindKeepTheirDigits) {
  OidcSettings settings;
  settings.client_id = ProviderWorld::kClient;
  settings.endpoints = {"https://idp.test/authorize", "https://idp.test/token", "https://idp.test/userinfo", "", "", ""};
  settings.identity.source = IdentitySource::kUserinfo;
  settings.identity.user_id = "id";
  settings.identity.name = "login";
  const auto provider = Make(settings);
  const std::pair<const char*, const char*> ids[] = {
      {R"("odd-user-1")", "odd-user-1"},
      {"1234567", "1234567"},
      {"9007199254740993", "9007199254740993"},
      {"18446744073709551615", "18446744073709551615"},
      {"123456789012345678901234567890", "123456789012345678901234567890"},
      {"-123456789012345678901234567890", "-123456789012345678901234567890"},
      {"-7", "-7"},
      {"0", "0"},
      {"1.5", ""},
      {"1e3", ""},
      {"null", ""},
      {"true", ""},
      {"\"\"", ""},
      {"{}", ""},
      {R"("a\u0000b")", ""},
  };
  for (const auto& [literal, id] : ids) {
    world_.userinfo = std::string("{\"id\":") + literal + R"(,"email":null,"login":"odd"})";
    const auto signed_in = SignIn(provider);
    if (*id == '\0') {
      EXPECT_EQ(Class(signed_in.status()), "IDENTITY_MISSING") << literal;
      continue;
    }
    ASSERT_TRUE(signed_in.ok()) << literal << signed_in.status();
    EXPECT_EQ(signed_in->identity.user_id, id);
    EXPECT_EQ(signed_in->identity.email, "");
    EXPECT_EQ(signed_in->identity.name, "odd");
  }
  EXPECT_TRUE(absl::StartsWith(world_.Last("userinfo").authorization.Reveal(), "Bearer access-"));
}

TEST_F(OidcProviderTest, AUserInTheTokenAnswerIsFound) {
  OidcSettings settings = world_.Settings();
  settings.identity.source = IdentitySource::kTokenResponseUser;
  world_.token_answer = [](json& answer) { answer["user"] = {{"id", 42}, {"email", "t@example.com"}}; };
  const auto signed_in = SignIn(Make(settings));
  ASSERT_TRUE(signed_in.ok()) << signed_in.status();
  EXPECT_EQ(signed_in->identity.user_id, "42");
  EXPECT_EQ(signed_in->identity.email, "t@example.com");
  world_.token_answer = [](json& answer) { answer["user"] = "42"; };
  EXPECT_EQ(Class(SignIn(Make(settings)).status()), "IDENTITY_MISSING");
}

TEST_F(OidcProviderTest, UserinfoMustBeOfTheSamePerson) {
  OidcSettings settings = world_.Settings();
  settings.identity.source = IdentitySource::kUserinfo;
  EXPECT_TRUE(SignIn(Make(settings)).ok());
  world_.userinfo = R"({"sub":"user-2"})";
  EXPECT_EQ(Class(SignIn(Make(settings)).status()), "ID_TOKEN_INVALID");
  world_.userinfo = R"({"name":"no sub"})";
  EXPECT_EQ(Class(SignIn(Make(settings)).status()), "ID_TOKEN_INVALID");
  world_.instead.emplace("userinfo", ProviderWorld::Answer(401, ""));
  EXPECT_EQ(Class(SignIn(Make(settings)).status()), "IDENTITY_MISSING");
}

TEST_F(OidcProviderTest, AnIdTokenIsCheckedEvenWhenTheIdentityIsElsewhere) {
  OidcSettings settings = world_.Settings();
  settings.identity.source = IdentitySource::kUserinfo;
  world_.id_token = [](Draft& t) { t.claims["nonce"] = "stolen"; };
  EXPECT_EQ(Class(SignIn(Make(settings)).status()), "ID_TOKEN_INVALID");
}

TEST_F(OidcProviderTest, WithoutAnIdTokenThereIsNoIdentityInIt) {
  world_.token_answer = [](json& answer) { answer.erase("id_token"); };
  EXPECT_EQ(Class(SignIn(Make(world_.Settings())).status()), "IDENTITY_MISSING");
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
  EXPECT_TRUE(Wait(provider->Revoke(tokens)));
  EXPECT_EQ(world_.Count("revoke"), 2);
  EXPECT_EQ(world_.LastForm("revoke"),
            (FormFields{{"token", "a"}, {"token_type_hint", "access_token"}, {"client_id", "the client"}}));
  EXPECT_FALSE(Wait(provider->Revoke(Tokens())));
  for (const absl::StatusOr<HttpResponse>& answer :
       {absl::StatusOr<HttpResponse>(ProviderWorld::Answer(503, "")),
        absl::StatusOr<HttpResponse>(absl::UnavailableError("gone"))}) {
    world_.instead.clear();
    world_.instead.emplace("revoke", answer);
    EXPECT_FALSE(Wait(provider->Revoke(tokens)));
  }
  world_.discovery.erase("revocation_endpoint");
  EXPECT_FALSE(Wait(Make(world_.Settings())->Revoke(tokens)));
}

TEST_F(OidcProviderTest, AJwtProvesItsOwnerForTheProductsAudience) {
  OidcSettings settings = world_.Settings();
  settings.access_token_audience = "https://api.test";
  const auto provider = Make(settings);
  const int64_t now = absl::ToUnixSeconds(clock_.Now());
  const json good = {{"iss", ProviderWorld::kIssuer}, {"aud", {"https://api.test", "x"}}, {"sub", "user-9"}, {"exp", now + 60}};
  const auto owner = [&](const json& claims, const SigningKey& key) {
    const auto answer = Wait(provider->OwnerOf(Secret(key.Sign(claims))));
    return answer.ok() ? *answer : Class(answer.status());
  };
  const auto with = [&](const char* name, const json& value) {
    json claims = good;
    claims[name] = value;
    return claims;
  };
  EXPECT_EQ(owner(good, world_.rsa), "user-9");
  EXPECT_EQ(owner(good, world_.ec), "user-9");
  EXPECT_EQ(owner(with("aud", ProviderWorld::kClient), world_.rsa), "ACCESS_TOKEN_REFUSED");
  EXPECT_EQ(owner(with("iss", "https://evil.test"), world_.rsa), "ACCESS_TOKEN_REFUSED");
  EXPECT_EQ(owner(with("exp", now - 60), world_.rsa), "ACCESS_TOKEN_REFUSED");
  EXPECT_EQ(owner(with("at_hash", "an id_token"), world_.rsa), "ACCESS_TOKEN_REFUSED");
  EXPECT_EQ(owner(with("sub", nullptr), world_.rsa), "ACCESS_TOKEN_UNVERIFIABLE");
  EXPECT_EQ(owner(good, SigningKey("RS256", "rsa-1")), "ACCESS_TOKEN_REFUSED");
  EXPECT_EQ(world_.Count("introspect"), 0);
  EXPECT_EQ(Class(Wait(provider->OwnerOf(Secret())).status()), "ACCESS_TOKEN_REFUSED");
  EXPECT_EQ(Class(Wait(provider->OwnerOf(Secret("a\r\nb"))).status()), "ACCESS_TOKEN_REFUSED");
}

TEST_F(OidcProviderTest, IntrospectionProvesAnOwnerOfOurClientOrAudience) {
  OidcSettings settings = world_.Settings();
  const auto owner = [&](const json& answer) {
    world_.introspection = answer;
    const auto found = Wait(Make(settings)->OwnerOf(Secret("opaque")));
    return found.ok() ? *found : Class(found.status());
  };
  const int64_t now = absl::ToUnixSeconds(clock_.Now());
  EXPECT_EQ(owner({{"active", true}, {"sub", "u"}, {"client_id", ProviderWorld::kClient}}), "u");
  EXPECT_EQ(owner({{"active", true}, {"sub", "u"}, {"aud", ProviderWorld::kClient}}), "u");
  EXPECT_EQ(owner({{"active", true}, {"sub", "u"}, {"client_id", "other"}}), "ACCESS_TOKEN_REFUSED");
  EXPECT_EQ(owner({{"active", true}, {"sub", "u"}}), "ACCESS_TOKEN_REFUSED");
  EXPECT_EQ(owner({{"active", false}}), "ACCESS_TOKEN_REFUSED");
  EXPECT_EQ(owner({{"active", "true"}}), "PROVIDER_INVALID_RESPONSE");
  EXPECT_EQ(owner({{"active", true}, {"sub", "u"}, {"client_id", ProviderWorld::kClient}, {"exp", now - 60}}),
            "ACCESS_TOKEN_REFUSED");
  settings.access_token_audience = "https://api.test";
  EXPECT_EQ(owner({{"active", true}, {"sub", "u"}, {"aud", {"https://api.test"}}}), "u");
  EXPECT_EQ(owner({{"active", true}, {"sub", "u"}, {"client_id", ProviderWorld::kClient}}), "ACCESS_TOKEN_REFUSED");
  world_.instead.emplace("introspect", ProviderWorld::Answer(401, ""));
  EXPECT_EQ(owner({}), "PROVIDER_CLIENT_REFUSED");
}

TEST_F(OidcProviderTest, WithoutJwtAndIntrospectionNobodyIsProved) {
  world_.discovery.erase("introspection_endpoint");
  EXPECT_EQ(Class(Wait(Make(world_.Settings())->OwnerOf(Secret("opaque"))).status()), "ACCESS_TOKEN_UNVERIFIABLE");
  OidcSettings settings = world_.Settings();
  settings.access_token_audience = "https://api.test";
  EXPECT_EQ(Class(Wait(Make(settings)->OwnerOf(Secret("opaque"))).status()), "ACCESS_TOKEN_REFUSED");
  EXPECT_EQ(world_.Count("userinfo"), 0);
}

TEST_F(OidcProviderTest, NoMessageHasASecret) {
  OidcSettings settings = world_.Settings();
  settings.client_authentication = ClientAuthentication::kSecretPost;
  settings.client_secret = Secret("wrong-secret");
  world_.instead.emplace("token", ProviderWorld::Answer(400, R"({"error":"odd","error_description":"code code-1 wrong-secret )" +
                                                               std::string(43, 'v') + R"( u@example.com"})"));
  const std::string message(SignIn(Make(settings)).status().message());
  EXPECT_NE(message.find("odd"), std::string::npos);
  for (const char* secret : {"code-1", "wrong-secret", "vvv", "u@example.com"}) {
    EXPECT_EQ(message.find(secret), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace authflow
