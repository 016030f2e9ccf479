#include "server/provider/oidc_provider.h"

#include <algorithm>
#include <utility>

#include "server/base/error_class.h"
#include "server/base/text.h"
#include "server/provider/authorization_url.h"
#include "server/provider/client_request.h"
#include "server/provider/oidc_provider_impl.h"

namespace authflow {
namespace {

// Settings are shared with fetches, which may outlive the provider.
struct Fetching {
  OidcSettings settings;
  HttpClient& http;
};

Task<absl::StatusOr<ProviderFacts>> FetchFacts(std::shared_ptr<const Fetching> with, absl::Duration timeout) {
  HttpRequest request = DocumentRequest(with->settings, DiscoveryUrl(with->settings.issuer), timeout);
  const absl::StatusOr<HttpResponse> response = co_await with->http.Send(std::move(request));
  if (!response.ok()) co_return WireRefusal(response.status());
  co_return ReadDiscovery(with->settings, *response);
}

Task<absl::StatusOr<Jwks>> FetchJwks(std::shared_ptr<const Fetching> with, std::string url, absl::Duration timeout) {
  HttpRequest request = DocumentRequest(with->settings, std::move(url), timeout);
  const absl::StatusOr<HttpResponse> response = co_await with->http.Send(std::move(request));
  if (!response.ok()) co_return WireRefusal(response.status());
  if (absl::Status overload = OverloadRefusal(*response); !overload.ok()) co_return overload;
  if (response->status != 200) {
    co_return UnreadableRefusal(Cat("keys were answered with HTTP ", response->status));
  }
  std::optional<Jwks> keys = ParseJwks(response->body.Reveal());
  if (!keys) co_return UnreadableRefusal("keys cannot be read");
  co_return *std::move(keys);
}

// The keys' address may itself come from discovery.
Task<absl::StatusOr<Jwks>> FetchDiscoveredJwks(std::shared_ptr<const Fetching> with,
                                               std::shared_ptr<CachedDocument<ProviderFacts>> discovery,
                                               absl::Duration timeout) {
  const absl::StatusOr<std::shared_ptr<const ProviderFacts>> facts = co_await discovery->Get(timeout);
  if (!facts.ok()) co_return facts.status();
  std::string url = (*facts)->endpoints.jwks;
  if (url.empty()) co_return UnreadableRefusal("discovery document names no keys (jwks_uri)");
  co_return co_await FetchJwks(with, std::move(url), timeout);
}

}  // namespace

OidcProvider::OidcProvider(OidcSettings settings, HttpClient& http, const Clock& clock)
    : settings_(std::move(settings)),
      http_(http),
      clock_(clock),
      by_hand_(IsByHand(settings_) ? std::make_shared<const ProviderFacts>(FactsByHand(settings_)) : nullptr) {
  const auto with = std::make_shared<const Fetching>(Fetching{settings_, http});
  CachedDocument<ProviderFacts>::Fetch facts = [with](absl::Duration timeout) { return FetchFacts(with, timeout); };
  discovery_ = std::make_shared<CachedDocument<ProviderFacts>>(std::move(facts), clock);
  CachedDocument<Jwks>::Fetch keys;
  if (!settings_.endpoints.jwks.empty()) {
    keys = [with](absl::Duration timeout) { return FetchJwks(with, with->settings.endpoints.jwks, timeout); };
  } else {
    keys = [with, discovery = discovery_](absl::Duration timeout) {
      return FetchDiscoveredJwks(with, discovery, timeout);
    };
  }
  jwks_ = std::make_shared<CachedDocument<Jwks>>(std::move(keys), clock);
}

absl::Duration OidcProvider::TimeoutUntil(absl::Time deadline) const {
  return std::clamp(deadline - clock_.Now(), absl::ZeroDuration(), settings_.timeout);
}

Task<absl::StatusOr<OidcProvider::Facts>> OidcProvider::GetFacts(absl::Duration timeout) {
  if (by_hand_ != nullptr) co_return by_hand_;
  if (timeout <= absl::ZeroDuration()) co_return NoTimeRefusal();
  co_return co_await discovery_->Get(timeout);
}

Task<absl::StatusOr<Secret>> OidcProvider::AuthorizationUrl(AuthorizationRequest request) {
  const absl::StatusOr<Facts> facts = co_await GetFacts(settings_.timeout);
  if (!facts.ok()) co_return facts.status();
  co_return BuildAuthorizationUrl(settings_, (*facts)->endpoints.authorization, request);
}

Task<absl::Status> OidcProvider::CheckIssuer(std::optional<std::string> iss) {
  if (settings_.issuer.empty()) co_return absl::OkStatus();
  if (iss.has_value()) {
    if (EqualInConstantTime(*iss, settings_.issuer)) co_return absl::OkStatus();
    co_return Refusal(
        v1::ERROR_CLASS_ISSUER_MISMATCH,
        "The redirect comes from another identity provider than the one asked. Sign in again in the browser.");
  }
  const absl::StatusOr<Facts> facts = co_await GetFacts(settings_.timeout);
  if (!facts.ok()) co_return facts.status();
  if (!(*facts)->promises_iss) co_return absl::OkStatus();
  co_return Refusal(v1::ERROR_CLASS_ISSUER_MISMATCH,
                    "The redirect does not say which identity provider it comes from. Sign in again in the browser.");
}

Task<absl::Status> OidcProvider::RevokeOne(std::string endpoint, Secret token, std::string hint, absl::Time deadline) {
  const absl::Duration timeout = TimeoutUntil(deadline);
  if (timeout <= absl::ZeroDuration()) co_return NoTimeRefusal();
  FormFields fields = {{"token", token.Reveal()}, {"token_type_hint", std::move(hint)}};
  HttpRequest request = ClientRequest(settings_, std::move(endpoint), std::move(fields), timeout);
  const absl::StatusOr<HttpResponse> response = co_await http_.Send(std::move(request));
  if (!response.ok()) co_return WireRefusal(response.status());
  if (absl::Status overload = OverloadRefusal(*response); !overload.ok()) co_return overload;
  if (response->status == 401) co_return ClientRefusal("HTTP 401");
  if (response->status == 200) co_return absl::OkStatus();
  // Above all RFC 7009 2.2.1: unsupported_token_type.
  co_return absl::UnknownError("the token was not taken back");
}

Task<absl::Status> OidcProvider::Revoke(Tokens tokens) {
  co_return co_await RevokeBy(std::move(tokens), absl::InfiniteFuture());
}

Task<absl::Status> OidcProvider::RevokeBy(Tokens tokens, absl::Time deadline) {
  const absl::StatusOr<Facts> facts = co_await GetFacts(TimeoutUntil(deadline));
  if (!facts.ok()) co_return facts.status();
  const std::string endpoint = (*facts)->endpoints.revocation;
  if (endpoint.empty()) co_return absl::UnimplementedError("there is no revocation endpoint");
  if (tokens.refresh_token.empty() && tokens.access_token.empty()) co_return absl::InvalidArgumentError("no token");
  // The refresh token first: it could make new access tokens meanwhile. One that fails does not keep the other.
  absl::Status all;
  if (!tokens.refresh_token.empty()) {
    const absl::Status revoked = co_await RevokeOne(endpoint, tokens.refresh_token, "refresh_token", deadline);
    all.Update(revoked);
  }
  if (!tokens.access_token.empty()) {
    const absl::Status revoked = co_await RevokeOne(endpoint, tokens.access_token, "access_token", deadline);
    all.Update(revoked);
  }
  co_return all;
}

std::shared_ptr<Provider> NewOidcProvider(OidcSettings settings, HttpClient& http, const Clock& clock) {
  return std::make_shared<OidcProvider>(std::move(settings), http, clock);
}

}  // namespace authflow
