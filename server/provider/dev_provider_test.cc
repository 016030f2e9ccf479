#include "server/provider/dev_provider.h"

#include <gtest/gtest.h>

#include "server/base/error_class.h"
#include "server/provider/redirect.h"
#include "tests/support/run_task.h"

namespace authflow {
namespace {

constexpr char kRedirect[] = "http://127.0.0.1:1234/callback";

class DevProviderTest : public testing::Test {
 protected:
  // The redirect's query for a sign-in with that hint.
  RedirectAnswer Answer(const std::string& login_hint, char verifier = 'v') {
    AuthorizationRequest request;
    request.kind = v1::FLOW_KIND_LOGIN;
    request.redirect_uri = kRedirect;
    request.state = Secret("the-state");
    request.nonce = Secret("the-nonce");
    request.code_verifier = Secret(std::string(43, verifier));
    request.login_hint = login_hint;
    const std::string url = Wait(provider_->AuthorizationUrl(request))->Reveal();
    EXPECT_EQ(url.find("http://127.0.0.1:9/dev/authorize?"), 0u);
    const auto location = provider_->DevAuthorize(url.substr(url.find('?') + 1));
    EXPECT_TRUE(location.ok()) << location.status();
    EXPECT_EQ(location->find(std::string(kRedirect) + "?"), 0u);
    const auto answer = ParseRedirect(location->substr(location->find('?')));
    EXPECT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->state.Reveal(), "the-state");
    EXPECT_TRUE(Wait(provider_->CheckIssuer(answer->iss)).ok());
    return *answer;
  }

  absl::StatusOr<SignedIn> Redeem(const Secret& code, const std::string& redirect = kRedirect) {
    CodeGrant grant;
    grant.code = code;
    grant.code_verifier = Secret(std::string(43, 'v'));
    grant.redirect_uri = redirect;
    grant.deadline = clock_.Now() + absl::Seconds(30);
    return Wait(provider_->RedeemCode(grant));
  }

  static std::string Class(const absl::Status& status) { return NameOf(ClassOf(status)); }

  FakeClock clock_{absl::FromUnixSeconds(1800000000)};
  Keys keys_{{Secret(std::string(32, 'k'))}};
  std::shared_ptr<DevProvider> provider_ = NewDevProvider("http://127.0.0.1:9/dev/authorize", keys_, clock_);
};

TEST_F(DevProviderTest, SignsInWhoeverTheHintNames) {
  const std::pair<const char*, const char*> hints[] = {
      {"", "dev@example.com"}, {"jane@corp.test", "jane@corp.test"}, {"jane", "jane@example.com"}};
  std::set<std::string> ids;
  for (const auto& [hint, email] : hints) {
    const auto signed_in = Redeem(Answer(hint).code);
    ASSERT_TRUE(signed_in.ok()) << signed_in.status();
    EXPECT_EQ(signed_in->identity.email, email);
    EXPECT_EQ(signed_in->identity.user_id.find("jane"), std::string::npos);
    EXPECT_EQ(signed_in->tokens.expire, clock_.Now() + absl::Hours(1));
    EXPECT_EQ(*Wait(provider_->OwnerOf(signed_in->tokens.access_token)), signed_in->identity.user_id);
    ids.insert(signed_in->identity.user_id);
  }
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_TRUE(ids.count(Redeem(Answer("JANE@corp.test").code)->identity.user_id));
}

TEST_F(DevProviderTest, SwitchesInTheHintChooseTheEnd) {
  EXPECT_EQ(Answer("deny").error, "access_denied");
  EXPECT_EQ(Answer("deny@example.com").error, "access_denied");
  EXPECT_EQ(Answer("error").error, "server_error");
  EXPECT_EQ(Class(Redeem(Answer("fail@example.com").code).status()), "CODE_REFUSED");
  EXPECT_TRUE(Redeem(Answer("denyse@example.com").code).ok());
  const auto short_lived = Redeem(Answer("short").code);
  EXPECT_EQ(short_lived->tokens.expire, clock_.Now() + absl::Seconds(5));
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(Class(Wait(provider_->OwnerOf(short_lived->tokens.access_token)).status()), "ACCESS_TOKEN_REFUSED");
  EXPECT_EQ(Wait(provider_->Refresh(short_lived->tokens.refresh_token))->expire, clock_.Now() + absl::Seconds(5));
}

TEST_F(DevProviderTest, ACodeIsCheckedForReal) {
  EXPECT_EQ(Class(Redeem(Secret("nonsense")).status()), "CODE_REFUSED");
  EXPECT_EQ(Class(Redeem(Answer("", 'w').code).status()), "CODE_REFUSED");  // another verifier
  EXPECT_EQ(Class(Redeem(Answer("").code, "http://127.0.0.1:4321/callback").status()), "CODE_REFUSED");
  const Secret code = Answer("").code;
  EXPECT_TRUE(Redeem(code).ok());
  EXPECT_EQ(Class(Redeem(code).status()), "CODE_REFUSED");
  const Secret old = Answer("").code;
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(Class(Redeem(old).status()), "CODE_REFUSED");
}

TEST_F(DevProviderTest, RefreshTokensRotateAndAreRevoked) {
  const auto signed_in = Redeem(Answer("").code);
  const auto tokens = Wait(provider_->Refresh(signed_in->tokens.refresh_token));
  ASSERT_TRUE(tokens.ok());
  EXPECT_EQ(Class(Wait(provider_->Refresh(signed_in->tokens.refresh_token)).status()), "REFRESH_TOKEN_REFUSED");
  EXPECT_EQ(*Wait(provider_->OwnerOf(tokens->access_token)), signed_in->identity.user_id);
  EXPECT_TRUE(Wait(provider_->Revoke(*tokens)).ok());
  EXPECT_EQ(Class(Wait(provider_->Refresh(tokens->refresh_token)).status()), "REFRESH_TOKEN_REFUSED");
  EXPECT_EQ(Class(Wait(provider_->OwnerOf(tokens->access_token)).status()), "ACCESS_TOKEN_REFUSED");
  EXPECT_EQ(Class(Wait(provider_->OwnerOf(tokens->refresh_token)).status()), "ACCESS_TOKEN_REFUSED");
}

TEST_F(DevProviderTest, ADeviceCodeIsApprovedFromTheStartAndTakenOnce) {
  EXPECT_TRUE(Wait(provider_->OffersDeviceGrant()));
  const auto device = Wait(provider_->StartDevice(v1::FLOW_KIND_LOGIN));
  ASSERT_TRUE(device.ok()) << device.status();
  EXPECT_EQ(device->user_code.size(), 9u);
  EXPECT_EQ(device->verification_uri, "http://127.0.0.1:9/dev/device");
  EXPECT_EQ(device->expire, clock_.Now() + absl::Minutes(5));
  const auto ask = [&](const Secret& code) {
    return Wait(provider_->PollDevice({.kind = v1::FLOW_KIND_LOGIN, .device_code = code, .deadline = clock_.Now()}));
  };
  const auto answer = ask(device->device_code);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->state, DeviceAnswer::State::kSignedIn);
  EXPECT_EQ(answer->signed_in.identity.email, "dev@example.com");
  const Secret& access_token = answer->signed_in.tokens.access_token;
  EXPECT_EQ(*Wait(provider_->OwnerOf(access_token)), answer->signed_in.identity.user_id);
  EXPECT_EQ(Class(ask(device->device_code).status()), "CODE_REFUSED");
  EXPECT_EQ(Class(ask(Answer("").code).status()), "CODE_REFUSED");  // of the browser
  const auto late = Wait(provider_->StartDevice(v1::FLOW_KIND_LOGIN));
  clock_.Advance(absl::Minutes(5));
  EXPECT_EQ(Class(ask(late->device_code).status()), "CODE_REFUSED");
}

TEST_F(DevProviderTest, AnotherIssuerIsAMismatch) {
  EXPECT_EQ(Class(Wait(provider_->CheckIssuer("https://evil.test"))), "ISSUER_MISMATCH");
  EXPECT_EQ(Class(Wait(provider_->CheckIssuer(std::nullopt))), "ISSUER_MISMATCH");
}

TEST_F(DevProviderTest, OnlyRequestsOfOursAreRedirected) {
  const std::string challenge = "&code_challenge_method=S256&code_challenge=" + std::string(43, 'c');
  for (const std::string& query :
       {std::string(), std::string("%"), "response_type=code&state=s&redirect_uri=https://evil.test/" + challenge,
        "response_type=code&state=s&redirect_uri=http://127.0.0.1@evil.test/" + challenge,
        "response_type=token&state=s&redirect_uri=http://127.0.0.1:1/" + challenge,
        "response_type=code&redirect_uri=http://127.0.0.1:1/" + challenge,
        std::string("response_type=code&state=s&redirect_uri=http://127.0.0.1:1/")}) {
    EXPECT_EQ(provider_->DevAuthorize(query).status().code(), absl::StatusCode::kInvalidArgument) << query;
  }
}

}  // namespace
}  // namespace authflow
