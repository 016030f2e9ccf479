// For tests of the provider as a whole.
#ifndef AUTHFLOW_SERVER_PROVIDER_OIDC_PROVIDER_FIXTURE_H_
#define AUTHFLOW_SERVER_PROVIDER_OIDC_PROVIDER_FIXTURE_H_

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "server/base/error_class.h"
#include "server/provider/oidc_provider.h"
#include "server/provider/provider_world.h"
#include "tests/support/run_task.h"

namespace authflow {

// A provider over the world, and a person who signs in there.
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

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_OIDC_PROVIDER_FIXTURE_H_
