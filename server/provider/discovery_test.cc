// Discovery as a login sees it: shared, refreshed, checked, and overruled by hand.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "server/provider/oidc_provider_fixture.h"

namespace authflow {
namespace {

using nlohmann::json;
using DiscoveryTest = OidcProviderTest;

TEST_F(DiscoveryTest, ADiscoveryDocumentThatCannotBeTrustedIsRefused) {
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

TEST_F(DiscoveryTest, DiscoveryIsAskedAtTheIssuersPath) {
  ASSERT_TRUE(Wait(Make(world_.Settings())->AuthorizationUrl(Request())).ok());
  EXPECT_EQ(world_.Last("openid-configuration").url, "https://idp.test/tenant/.well-known/openid-configuration");
}

TEST_F(DiscoveryTest, ConcurrentCallersShareOneDiscovery) {
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

TEST_F(DiscoveryTest, AStaleDiscoveryIsRefreshedInTheBackground) {
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

TEST_F(DiscoveryTest, AFailedRefreshKeepsTheOldDocumentForADay) {
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

TEST_F(DiscoveryTest, EndpointsByHandWinOverDiscovery) {
  OidcSettings settings = world_.Settings();
  settings.endpoints.authorization = "https://hand.test/authorize";
  EXPECT_TRUE(
      absl::StartsWith(Wait(Make(settings)->AuthorizationUrl(Request()))->Reveal(), "https://hand.test/authorize?"));
  EXPECT_EQ(world_.Count("openid-configuration"), 1);
  settings.endpoints.token = "https://hand.test/token";
  settings.endpoints.jwks = "https://hand.test/jwks";
  EXPECT_TRUE(SignIn(Make(settings)).ok());
  EXPECT_EQ(world_.Count("openid-configuration"), 1);
  EXPECT_EQ(world_.Last("token").url, "https://hand.test/token");
}

TEST_F(DiscoveryTest, TheIssuerOfARedirectIsChecked) {
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

}  // namespace
}  // namespace authflow
