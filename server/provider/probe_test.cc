#include "server/provider/probe.h"

#include <gtest/gtest.h>

#include <map>

#include "server/provider/provider_world.h"
#include "tests/support/run_task.h"

namespace authflow {
namespace {

class ProbeTest : public testing::Test {
 protected:
  std::map<std::string, ProbeLine> Probed() {
    report_ = Wait(Probe(settings_, world_, ProviderWorld::kRedirect));
    std::map<std::string, ProbeLine> lines;
    for (const ProbeLine& line : report_.lines) {
      EXPECT_FALSE(line.detail.empty());
      EXPECT_EQ(line.detail.find("e/cret"), std::string::npos);
      lines[line.what] = line;
    }
    return lines;
  }

  FakeClock clock_{absl::FromUnixSeconds(1800000000)};
  ProviderWorld world_{clock_};
  OidcSettings settings_ = world_.Settings();
  ProbeReport report_;
};

TEST_F(ProbeTest, AWorkingProviderHasNothingWrong) {
  auto lines = Probed();
  EXPECT_TRUE(report_.ok());
  EXPECT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines["client"].detail, "The provider knows the client.");
  EXPECT_NE(lines["keys"].detail.find("1 for RS256, 1 for ES256"), std::string::npos);
}

TEST_F(ProbeTest, TheClientAndItsSecretAreTried) {
  settings_.client_authentication = ClientAuthentication::kSecretBasic;
  settings_.client_secret = Secret(ProviderWorld::kSecret);
  EXPECT_EQ(Probed()["client"].detail, "The provider knows the client and its secret.");
  settings_.client_secret = Secret("wrong");
  EXPECT_FALSE(Probed()["client"].ok);
  settings_ = world_.Settings();
  settings_.client_id = "nobody";
  EXPECT_FALSE(Probed()["client"].ok);
  EXPECT_FALSE(report_.ok());
}

TEST_F(ProbeTest, WhatCannotBeToldIsSaid) {
  world_.instead.emplace("token", ProviderWorld::Answer(400, R"({"error":"invalid_request"})"));
  auto lines = Probed();
  EXPECT_TRUE(lines["client"].ok);
  EXPECT_NE(lines["client"].detail.find("Cannot be told"), std::string::npos);
  world_.instead.clear();
  world_.instead.emplace("token", ProviderWorld::Answer(200, R"({"access_token":"a"})"));
  EXPECT_FALSE(Probed()["client"].ok);
}

TEST_F(ProbeTest, EachFailureIsALine) {
  world_.instead.emplace("openid-configuration", absl::UnavailableError("https://idp.test: refused"));
  auto lines = Probed();
  EXPECT_EQ(lines.size(), 1u);
  EXPECT_FALSE(lines["discovery"].ok);

  world_.instead.clear();
  world_.jwks = {{"keys", nlohmann::json::array()}};
  EXPECT_FALSE(Probed()["keys"].ok);
  world_.discovery["code_challenge_methods_supported"] = nlohmann::json::array({"plain"});
  EXPECT_FALSE(Probed()["endpoints"].ok);
  world_.discovery.erase("revocation_endpoint");
  EXPECT_TRUE(Probed()["revocation"].ok);
}

TEST_F(ProbeTest, EndpointsByHandNeedNoDiscovery) {
  settings_.issuer.clear();
  settings_.endpoints = {"https://idp.test/authorize", "https://idp.test/token", "", "", "", ""};
  auto lines = Probed();
  EXPECT_TRUE(report_.ok());
  EXPECT_EQ(world_.Count("openid-configuration"), 0);
  settings_.endpoints.authorization.clear();
  EXPECT_FALSE(Probed()["endpoints"].ok);
}

}  // namespace
}  // namespace authflow
