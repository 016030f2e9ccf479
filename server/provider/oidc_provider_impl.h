// Inside of oidc_provider.cc, redeem.cc, device.cc and owner.cc.
#ifndef AUTHFLOW_SERVER_PROVIDER_OIDC_PROVIDER_IMPL_H_
#define AUTHFLOW_SERVER_PROVIDER_OIDC_PROVIDER_IMPL_H_

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/http/http_client.h"
#include "server/provider/cached_document.h"
#include "server/provider/discovery.h"
#include "server/provider/form.h"
#include "server/provider/jwt.h"
#include "server/provider/oidc_settings.h"
#include "server/provider/provider.h"
#include "server/provider/provider_error.h"
#include "server/provider/token_answer.h"

namespace authflow {

class OidcProvider final : public Provider {
 public:
  OidcProvider(OidcSettings settings, HttpClient& http, const Clock& clock);

  Task<absl::StatusOr<Secret>> AuthorizationUrl(AuthorizationRequest request) override;
  Task<absl::Status> CheckIssuer(std::optional<std::string> iss) override;
  Task<absl::StatusOr<SignedIn>> RedeemCode(CodeGrant grant) override;
  Task<bool> OffersDeviceGrant() override;
  Task<absl::StatusOr<DeviceAuthorization>> StartDevice(v1::FlowKind kind) override;
  Task<absl::StatusOr<DeviceAnswer>> PollDevice(DeviceGrant grant) override;
  Task<absl::StatusOr<Tokens>> Refresh(Secret refresh_token) override;
  Task<absl::Status> Revoke(Tokens tokens) override;
  Task<absl::StatusOr<std::string>> OwnerOf(Secret access_token) override;

 private:
  using Facts = std::shared_ptr<const ProviderFacts>;

  // Of one request that must end by `deadline`; zero: no time is left.
  absl::Duration TimeoutUntil(absl::Time deadline) const;

  // oidc_provider.cc
  Task<absl::StatusOr<Facts>> GetFacts(absl::Duration timeout);
  Task<absl::Status> RevokeBy(Tokens tokens, absl::Time deadline);
  Task<absl::Status> RevokeOne(std::string endpoint, Secret token, std::string hint, absl::Time deadline);

  // redeem.cc
  // Who the new tokens are of. When that cannot be said they are revoked, best effort.
  Task<absl::StatusOr<SignedIn>> Recognise(TokenAnswer answer, Secret nonce, std::string userinfo, absl::Time deadline);
  Task<absl::StatusOr<TokenAnswer>> AskForTokens(std::string endpoint, FormFields fields, Grant grant,
                                                 absl::Time deadline);
  // The token's claims, once its signature is verified. ID_TOKEN_INVALID, or what fetching the keys came to.
  Task<absl::StatusOr<nlohmann::json>> VerifiedClaims(Secret id_token, absl::Time deadline);
  Task<absl::StatusOr<nlohmann::json>> CheckedIdToken(Tokens tokens, Secret nonce, absl::Time deadline);
  Task<absl::StatusOr<nlohmann::json>> Userinfo(std::string endpoint, Secret access_token, absl::Time deadline);
  Task<absl::StatusOr<Identity>> IdentityOf(TokenAnswer answer, Secret nonce, std::string userinfo,
                                            absl::Time deadline);

  // owner.cc
  Task<absl::StatusOr<std::string>> OwnerByJwt(Jwt jwt);
  Task<absl::StatusOr<std::string>> OwnerByIntrospection(std::string endpoint, Secret access_token);

  // Good, bad, or unknown also after another look at the keys.
  Task<absl::StatusOr<Verdict>> Verify(Jwt jwt, absl::Time deadline);

  const OidcSettings settings_;
  HttpClient& http_;
  const Clock& clock_;
  const Facts by_hand_;  // null: they come from discovery
  std::shared_ptr<CachedDocument<ProviderFacts>> discovery_;
  std::shared_ptr<CachedDocument<Jwks>> jwks_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_OIDC_PROVIDER_IMPL_H_
