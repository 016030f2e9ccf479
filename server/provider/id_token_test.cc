// Each rule of OpenID Connect Core 3.1.3.7, broken in turn, through the whole provider with real signatures.
#include <gtest/gtest.h>

#include "server/base/error_class.h"
#include "server/provider/jwt.h"
#include "server/provider/oidc_provider.h"
#include "server/provider/provider_world.h"
#include "tests/support/run_task.h"

namespace authflow {
namespace {

using nlohmann::json;

class IdTokenTest : public testing::Test {
 protected:
  absl::StatusOr<SignedIn> SignIn() {
    AuthorizationRequest request;
    request.redirect_uri = ProviderWorld::kRedirect;
    request.state = Secret("state");
    request.nonce = Secret("the-nonce");
    request.code_verifier = Secret(std::string(43, 'v'));
    const absl::StatusOr<Secret> url = Wait(provider_->AuthorizationUrl(request));
    if (!url.ok()) return url.status();
    CodeGrant grant;
    grant.code = Secret(world_.Authorize(*url));
    grant.code_verifier = request.code_verifier;
    grant.nonce = request.nonce;
    grant.redirect_uri = request.redirect_uri;
    grant.deadline = clock_.Now() + absl::Seconds(30);
    return Wait(provider_->RedeemCode(grant));
  }

  int64_t now() const { return absl::ToUnixSeconds(clock_.Now()); }

  FakeClock clock_{absl::FromUnixSeconds(1800000000)};
  ProviderWorld world_{clock_};
  std::shared_ptr<Provider> provider_ = NewOidcProvider(world_.Settings(), world_, clock_);
};

TEST_F(IdTokenTest, GoodTokensAreAccepted) {
  const std::pair<const char*, std::function<void(Draft&)>> good[] = {
      {"as it is", [](Draft&) {}},
      {"ES256",
       [&](Draft& t) {
         t.header = {{"alg", "ES256"}, {"kid", "ec-1"}};
         t.key = &world_.ec;
       }},
      {"audiences with azp",
       [](Draft& t) {
         t.claims["aud"] = {"other", ProviderWorld::kClient};
         t.claims["azp"] = ProviderWorld::kClient;
       }},
      {"one audience in an array", [](Draft& t) { t.claims["aud"] = json::array({ProviderWorld::kClient}); }},
      {"expired within the leeway", [&](Draft& t) { t.claims["exp"] = now() - 59; }},
      {"issued within the leeway",
       [&](Draft& t) {
         t.claims["iat"] = now() + 60;
         t.claims["nbf"] = now() + 60;
       }},
      {"a fraction of a second", [&](Draft& t) { t.claims["exp"] = now() + 0.5; }},
      {"no at_hash", [](Draft& t) { t.claims.erase("at_hash"); }},
      {"no kid, one key of its algorithm",
       [](Draft& t) {
         t.header = {{"alg", "RS256"}};
       }},
  };
  for (const auto& [what, change] : good) {
    world_.id_token = change;
    const auto signed_in = SignIn();
    ASSERT_TRUE(signed_in.ok()) << what << signed_in.status();
    EXPECT_EQ(signed_in->identity.user_id, "user-1") << what;
  }
}

TEST_F(IdTokenTest, ATokenThatBreaksOneRuleIsRefused) {
  const SigningKey stranger("RS256", "rsa-1");
  struct Case {
    const char* what;
    std::function<void(Draft&)> change;
  };
  const Case cases[] = {
      {"iss of another", [](Draft& t) { t.claims["iss"] = "https://evil.test"; }},
      {"iss with a slash", [](Draft& t) { t.claims["iss"] = std::string(ProviderWorld::kIssuer) + "/"; }},
      {"no iss", [](Draft& t) { t.claims.erase("iss"); }},
      {"aud of another", [](Draft& t) { t.claims["aud"] = "other"; }},
      {"aud without us",
       [](Draft& t) {
         t.claims["aud"] = {"other", "third"};
       }},
      {"no aud", [](Draft& t) { t.claims.erase("aud"); }},
      {"aud an object",
       [](Draft& t) {
         t.claims["aud"] = {{"the client", true}};
       }},
      {"audiences without azp",
       [](Draft& t) {
         t.claims["aud"] = {ProviderWorld::kClient, "other"};
       }},
      {"azp of another", [](Draft& t) { t.claims["azp"] = "other"; }},
      {"azp no string", [](Draft& t) { t.claims["azp"] = nullptr; }},
      {"expired", [&](Draft& t) { t.claims["exp"] = now() - 60; }},
      {"no exp", [](Draft& t) { t.claims.erase("exp"); }},
      {"exp a string", [&](Draft& t) { t.claims["exp"] = std::to_string(now() + 600); }},
      {"exp too large for a time", [](Draft& t) { t.claims["exp"] = 1e300; }},
      {"issued in the future", [&](Draft& t) { t.claims["iat"] = now() + 61; }},
      {"no iat", [](Draft& t) { t.claims.erase("iat"); }},
      {"not valid yet", [&](Draft& t) { t.claims["nbf"] = now() + 61; }},
      {"another nonce", [](Draft& t) { t.claims["nonce"] = "another-one"; }},
      {"no nonce", [](Draft& t) { t.claims.erase("nonce"); }},
      {"nonce no string", [](Draft& t) { t.claims["nonce"] = json::array({"the-nonce"}); }},
      {"no sub", [](Draft& t) { t.claims.erase("sub"); }},
      {"sub empty", [](Draft& t) { t.claims["sub"] = ""; }},
      {"at_hash of another token", [](Draft& t) { t.claims["at_hash"] = EncodeBase64Url(Sha256("x").substr(0, 16)); }},
      {"at_hash no string", [](Draft& t) { t.claims["at_hash"] = 7; }},
      {"alg none",
       [](Draft& t) {
         t.header = {{"alg", "none"}};
       }},
      {"alg none in capitals",
       [&](Draft& t) { t.raw = EncodeBase64Url(R"({"alg":"NONE"})") + "." + EncodeBase64Url(t.claims.dump()) + "."; }},
      {"HS256 with the public key", [](Draft& t) { t.header["alg"] = "HS256"; }},
      {"RS512", [](Draft& t) { t.header["alg"] = "RS512"; }},
      {"no alg", [](Draft& t) { t.header.erase("alg"); }},
      {"RS256 with the EC key", [&](Draft& t) { t.header["kid"] = "ec-1"; }},
      {"ES256 with the RSA key", [&](Draft& t) { t.header["alg"] = "ES256"; }},
      {"signed by a stranger", [&](Draft& t) { t.key = &stranger; }},
      {"unknown kid", [](Draft& t) { t.header["kid"] = "nobody"; }},
      {"kid no string", [](Draft& t) { t.header["kid"] = 7; }},
      {"critical header", [](Draft& t) { t.header["crit"] = json::array({"b64"}); }},
      {"claims changed after signing",
       [&](Draft& t) {
         const std::string good = t.key->Sign(t.header, t.claims);
         t.claims["sub"] = "somebody-else";
         t.raw = good.substr(0, good.find('.')) + "." + EncodeBase64Url(t.claims.dump()) + good.substr(good.rfind('.'));
       }},
      {"no signature",
       [](Draft& t) {
         const std::string good = t.key->Sign(t.header, t.claims);
         t.raw = good.substr(0, good.rfind('.') + 1);
       }},
      {"two parts",
       [](Draft& t) {
         const std::string good = t.key->Sign(t.header, t.claims);
         t.raw = good.substr(0, good.rfind('.'));
       }},
      {"four parts", [](Draft& t) { t.raw = t.key->Sign(t.header, t.claims) + ".x"; }},
      {"padding", [](Draft& t) { t.raw = t.key->Sign(t.header, t.claims) + "="; }},
      {"garbage", [](Draft& t) { t.raw = "this.is.garbage"; }},
      {"claims no object", [](Draft& t) { t.raw = EncodeBase64Url(t.header.dump()) + ".W10.c2ln"; }},
  };
  for (const Case& c : cases) {
    world_.id_token = c.change;
    clock_.Advance(absl::Seconds(11));
    const auto signed_in = SignIn();
    EXPECT_STREQ(NameOf(ClassOf(signed_in.status())), "ID_TOKEN_INVALID") << c.what << ": " << signed_in.status();
    const std::string message(signed_in.status().message());
    for (const char* value : {"the-nonce", "user-1", "u@example.com", "access-"}) {
      EXPECT_EQ(message.find(value), std::string::npos) << message;
    }
  }
}

TEST_F(IdTokenTest, WithoutKidOneOfSeveralKeysIsNotGuessed) {
  const SigningKey second("RS256", "rsa-2");
  world_.jwks["keys"].push_back(second.PublicJwk());
  world_.id_token = [](Draft& t) { t.header = {{"alg", "RS256"}}; };
  EXPECT_EQ(ClassOf(SignIn().status()), v1::ERROR_CLASS_ID_TOKEN_INVALID);
}

TEST_F(IdTokenTest, AnUnknownKeyIsLookedUpOnceAndNotMoreThanOnceInTenSeconds) {
  ASSERT_TRUE(SignIn().ok());
  EXPECT_EQ(world_.Count("jwks"), 1);
  const SigningKey rotated("RS256", "rsa-2");
  world_.id_token = [&](Draft& t) {
    t.header["kid"] = "rsa-2";
    t.key = &rotated;
  };
  EXPECT_EQ(ClassOf(SignIn().status()), v1::ERROR_CLASS_ID_TOKEN_INVALID);
  EXPECT_EQ(world_.Count("jwks"), 2);
  world_.jwks["keys"] = json::array({rotated.PublicJwk()});
  EXPECT_EQ(ClassOf(SignIn().status()), v1::ERROR_CLASS_ID_TOKEN_INVALID);
  EXPECT_EQ(world_.Count("jwks"), 2);
  clock_.Advance(absl::Seconds(10));
  EXPECT_TRUE(SignIn().ok());
  EXPECT_EQ(world_.Count("jwks"), 3);
  EXPECT_TRUE(SignIn().ok());
  EXPECT_EQ(world_.Count("jwks"), 3);
}

TEST(JwksTest, KeysThatCannotVerifyAreLeftOut) {
  const SigningKey rsa("RS256", "a");
  const SigningKey small("RS256", "a", 1024);
  const SigningKey ec("ES256", "b");
  const auto count = [](json key) {
    const auto keys = ParseJwks(json{{"keys", {std::move(key)}}}.dump());
    return keys ? static_cast<int>(keys->size()) : -1;
  };
  const auto with = [](json key, const char* name, json value) {
    key[name] = std::move(value);
    return key;
  };
  EXPECT_EQ(count(rsa.PublicJwk()), 1);
  EXPECT_EQ(count(ec.PublicJwk()), 1);
  EXPECT_EQ(count(with(rsa.PublicJwk(), "use", "enc")), 0);
  EXPECT_EQ(count(with(rsa.PublicJwk(), "alg", "RS512")), 0);
  EXPECT_EQ(count(with(rsa.PublicJwk(), "alg", "ES256")), 0);
  EXPECT_EQ(count(with(rsa.PublicJwk(), "kty", "oct")), 0);
  EXPECT_EQ(count(with(rsa.PublicJwk(), "n", "!!")), 0);
  EXPECT_EQ(count(with(rsa.PublicJwk(), "n", std::string(4000, 'A'))), 0);
  EXPECT_EQ(count(with(rsa.PublicJwk(), "e", "")), 0);
  EXPECT_EQ(count(small.PublicJwk()), 0);
  EXPECT_EQ(count(with(ec.PublicJwk(), "crv", "P-384")), 0);
  EXPECT_EQ(count(with(ec.PublicJwk(), "x", ec.PublicJwk()["y"])), 0);  // not on the curve
  EXPECT_EQ(count(7), 0);
  for (const char* text : {"", "[]", "{}", R"({"keys":{}})", "<html>"}) EXPECT_FALSE(ParseJwks(text)) << text;
}

}  // namespace
}  // namespace authflow
