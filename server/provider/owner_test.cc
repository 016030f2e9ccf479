// Whose access token it is.
#include "server/provider/oidc_provider_fixture.h"

namespace authflow {
namespace {

using nlohmann::json;
using OwnerTest = OidcProviderTest;

TEST_F(OwnerTest, AJwtProvesItsOwnerForTheProductsAudience) {
  OidcSettings settings = world_.Settings();
  settings.access_token_audience = "https://api.test";
  const auto provider = Make(settings);
  const int64_t now = absl::ToUnixSeconds(clock_.Now());
  const json good = {
      {"iss", ProviderWorld::kIssuer}, {"aud", {"https://api.test", "x"}}, {"sub", "user-9"}, {"exp", now + 60}};
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

TEST_F(OwnerTest, IntrospectionProvesAnOwnerOfOurClientOrAudience) {
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

TEST_F(OwnerTest, WithoutJwtAndIntrospectionNobodyIsProved) {
  world_.discovery.erase("introspection_endpoint");
  EXPECT_EQ(Class(Wait(Make(world_.Settings())->OwnerOf(Secret("opaque"))).status()), "ACCESS_TOKEN_UNVERIFIABLE");
  OidcSettings settings = world_.Settings();
  settings.access_token_audience = "https://api.test";
  EXPECT_EQ(Class(Wait(Make(settings)->OwnerOf(Secret("opaque"))).status()), "ACCESS_TOKEN_REFUSED");
  EXPECT_EQ(world_.Count("userinfo"), 0);
}

}  // namespace
}  // namespace authflow
