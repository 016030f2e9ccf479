// Who signed in, from each source.
#include "absl/strings/match.h"
#include "server/provider/oidc_provider_fixture.h"

namespace authflow {
namespace {

using nlohmann::json;
using IdentityTest = OidcProviderTest;

TEST_F(IdentityTest, UserIdsOfEveryKindKeepTheirDigits) {
  OidcSettings settings;
  settings.client_id = ProviderWorld::kClient;
  settings.endpoints = {
      "https://idp.test/authorize", "https://idp.test/token", "https://idp.test/userinfo", "", "", ""};
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

TEST_F(IdentityTest, AUserInTheTokenAnswerIsFound) {
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

TEST_F(IdentityTest, UserinfoMustBeOfTheSamePerson) {
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

TEST_F(IdentityTest, AnIdTokenIsCheckedEvenWhenTheIdentityIsElsewhere) {
  OidcSettings settings = world_.Settings();
  settings.identity.source = IdentitySource::kUserinfo;
  world_.id_token = [](Draft& t) { t.claims["nonce"] = "stolen"; };
  EXPECT_EQ(Class(SignIn(Make(settings)).status()), "ID_TOKEN_INVALID");
}

TEST_F(IdentityTest, WithoutAnIdTokenThereIsNoIdentityInIt) {
  world_.token_answer = [](json& answer) { answer.erase("id_token"); };
  EXPECT_EQ(Class(SignIn(Make(world_.Settings())).status()), "IDENTITY_MISSING");
}

}  // namespace
}  // namespace authflow
