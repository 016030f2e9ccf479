// The device grant (RFC 8628) at a provider.

#include <map>

#include "absl/strings/match.h"
#include "server/provider/oidc_provider_fixture.h"

namespace authflow {
namespace {

using nlohmann::json;
using State = DeviceAnswer::State;

class DeviceGrantTest : public OidcProviderTest {
 protected:
  DeviceGrant Poll(std::string code = "the-device-code") {
    DeviceGrant grant;
    grant.kind = v1::FLOW_KIND_LOGIN;
    grant.device_code = Secret(std::move(code));
    grant.deadline = clock_.Now() + absl::Seconds(30);
    return grant;
  }
  static std::map<std::string, std::string> Fields(const FormFields& form) { return {form.begin(), form.end()}; }
  static HttpResponse Error(const std::string& error, int status = 400) {
    return ProviderWorld::Answer(status, json{{"error", error}}.dump());
  }
};

TEST_F(DeviceGrantTest, TheRequestHasClientScopesAndTheOperatorsParameters) {
  OidcSettings settings = world_.Settings();
  settings.parameters = {{v1::FLOW_KIND_SIGNUP, OidcParameter::Place::kAuthorization, "prompt", "create"},
                         {v1::FLOW_KIND_UNSPECIFIED, OidcParameter::Place::kAuthorization, "audience", "https://api"},
                         {v1::FLOW_KIND_UNSPECIFIED, OidcParameter::Place::kToken, "resource", "r"}};
  const auto provider = Make(settings);
  const auto device = Wait(provider->StartDevice(v1::FLOW_KIND_LOGIN));
  ASSERT_TRUE(device.ok()) << device.status();
  EXPECT_EQ(device->user_code, "ABCD-EFGH");
  EXPECT_EQ(device->verification_uri, "https://idp.test/verify");
  EXPECT_EQ(device->verification_uri_complete, "https://idp.test/verify?user_code=ABCD-EFGH");
  EXPECT_EQ(device->device_code.Reveal(), "the-device-code");
  EXPECT_EQ(device->expire, clock_.Now() + absl::Minutes(15));
  EXPECT_EQ(device->interval, absl::Seconds(7));
  const std::map<std::string, std::string> expected = {
      {"client_id", ProviderWorld::kClient}, {"scope", "openid email"}, {"audience", "https://api"}};
  EXPECT_EQ(Fields(world_.LastForm("device")), expected);
  ASSERT_TRUE(Wait(provider->PollDevice(Poll())).ok());
  EXPECT_EQ(Fields(world_.LastForm("token"))["resource"], "r");
}

TEST_F(DeviceGrantTest, AnApprovedCodeGivesTokensAndIdentityWithoutANonce) {
  const auto answer = Wait(Make(world_.Settings())->PollDevice(Poll()));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->state, State::kSignedIn);
  EXPECT_EQ(answer->signed_in.identity.user_id, "user-1");
  EXPECT_FALSE(answer->signed_in.tokens.refresh_token.empty());
}

TEST_F(DeviceGrantTest, AnIdTokenThatIsNotForUsIsRefusedAndTheTokensAreGivenBack) {
  world_.id_token = [](Draft& draft) { draft.claims["aud"] = "another client"; };
  const auto answer = Wait(Make(world_.Settings())->PollDevice(Poll()));
  EXPECT_EQ(Class(answer.status()), "ID_TOKEN_INVALID");
  EXPECT_EQ(world_.Count("revoke"), 2);
}

TEST_F(DeviceGrantTest, EachAnswerOfTheTokenEndpointHasItsMeaning) {
  const auto provider = Make(world_.Settings());
  const std::vector<std::pair<absl::StatusOr<HttpResponse>, State>> states = {
      {Error("authorization_pending"), State::kPending},
      {Error("authorization_pending", 403), State::kPending},
      {Error("slow_down"), State::kSlowDown},
      {Error("slow_down", 429), State::kSlowDown},
      {ProviderWorld::Answer(429, ""), State::kAway},
      {ProviderWorld::Answer(503, "<html>"), State::kAway},
      {absl::UnavailableError("connection refused"), State::kAway},
      {absl::DeadlineExceededError("no answer"), State::kAway},
  };
  for (const auto& [given, state] : states) {
    world_.instead.insert_or_assign("token", given);
    const auto answer = Wait(provider->PollDevice(Poll()));
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->state, state);
  }
  const std::map<std::string, std::string> refusals = {{"access_denied", "DENIED"},
                                                       {"expired_token", "CODE_REFUSED"},
                                                       {"invalid_grant", "CODE_REFUSED"},
                                                       {"unauthorized_client", "PROVIDER_CLIENT_REFUSED"},
                                                       {"unsupported_grant_type", "PROVIDER_REFUSED"}};
  for (const auto& [error, expected] : refusals) {
    world_.instead.insert_or_assign("token", Error(error));
    EXPECT_EQ(Class(Wait(provider->PollDevice(Poll())).status()), expected) << error;
  }
}

TEST_F(DeviceGrantTest, WithoutAnEndpointTheGrantIsNotOffered) {
  world_.discovery.erase("device_authorization_endpoint");
  const auto provider = Make(world_.Settings());
  EXPECT_FALSE(Wait(provider->OffersDeviceGrant()));
  EXPECT_EQ(Class(Wait(provider->StartDevice(v1::FLOW_KIND_LOGIN)).status()), "DEVICE_GRANT_NOT_OFFERED");
  OidcSettings by_hand = world_.Settings();
  by_hand.endpoints.device_authorization = "https://idp.test/device";
  EXPECT_TRUE(Wait(Make(by_hand)->OffersDeviceGrant()));
  EXPECT_TRUE(Wait(Make(by_hand)->StartDevice(v1::FLOW_KIND_LOGIN)).ok());
}

TEST_F(DeviceGrantTest, WhatCannotBeShownOrUsedIsRefused) {
  const auto provider = Make(world_.Settings());
  const json good = world_.device;
  const std::vector<std::pair<const char*, json>> wrong = {{"user_code", ""},
                                                           {"user_code", "a\u001bb"},
                                                           {"user_code", std::string(257, 'A')},
                                                           {"device_code", ""},
                                                           {"device_code", std::string(4097, 'A')},
                                                           {"verification_uri", "http://idp.test/verify"},
                                                           {"verification_uri", "javascript:alert(1)"}};
  for (const auto& [name, value] : wrong) {
    world_.device = good;
    world_.device[name] = value;
    EXPECT_EQ(Class(Wait(provider->StartDevice(v1::FLOW_KIND_LOGIN)).status()), "PROVIDER_INVALID_RESPONSE") << name;
  }
}

TEST_F(DeviceGrantTest, WhatIsLeftOutHasTheRfcsDefaults) {
  const auto provider = Make(world_.Settings());
  world_.device = {{"device_code", "d"}, {"user_code", "u"}, {"verification_url", "https://google.test/device"}};
  auto device = Wait(provider->StartDevice(v1::FLOW_KIND_LOGIN));
  ASSERT_TRUE(device.ok()) << device.status();
  EXPECT_EQ(device->verification_uri, "https://google.test/device");
  EXPECT_EQ(device->verification_uri_complete, "");
  EXPECT_EQ(device->interval, absl::Seconds(5));
  EXPECT_EQ(device->expire, clock_.Now() + absl::Minutes(10));
  world_.device["interval"] = 0;
  world_.device["verification_uri_complete"] = "file:///etc/passwd";
  device = Wait(provider->StartDevice(v1::FLOW_KIND_LOGIN));
  ASSERT_TRUE(device.ok()) << device.status();
  EXPECT_EQ(device->interval, absl::Seconds(1));
  EXPECT_EQ(device->verification_uri_complete, "");
}

TEST_F(DeviceGrantTest, TheDeviceCodeIsInNoMessage) {
  world_.instead.insert_or_assign(
      "token",
      ProviderWorld::Answer(400, R"({"error":"invalid_request","error_description":"the-device-code is odd"})"));
  const auto answer = Wait(Make(world_.Settings())->PollDevice(Poll()));
  EXPECT_FALSE(absl::StrContains(answer.status().message(), "the-device-code")) << answer.status();
}

}  // namespace
}  // namespace authflow
