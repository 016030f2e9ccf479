// Whose access token it is, outside a flow: proved by its signature or by introspection. Userinfo alone proves nothing:
// it answers to a token of any client.

#include <algorithm>
#include <utility>

#include "server/base/error_class.h"
#include "server/base/text.h"
#include "server/provider/client_request.h"
#include "server/provider/id_token.h"
#include "server/provider/identity.h"
#include "server/provider/json.h"
#include "server/provider/oidc_provider_impl.h"

namespace authflow {
namespace {

using nlohmann::json;

absl::Status Refused(std::string_view why) {
  return Refusal(v1::ERROR_CLASS_ACCESS_TOKEN_REFUSED,
                 Cat("The access token was refused: ", why, ". Refresh it or sign in again."));
}

absl::Status Unverifiable(std::string_view why) {
  return Refusal(v1::ERROR_CLASS_ACCESS_TOKEN_UNVERIFIABLE,
                 Cat("The owner of the access token cannot be proved: ", why, "."));
}

absl::StatusOr<std::string> OwnerIn(const OidcSettings& settings, const json& claims) {
  std::string owner = IdAt(claims, UserIdName(settings.identity));
  if (owner.empty()) return Unverifiable("it does not name the user where the product's identity rules look");
  return owner;
}

// RFC 7662 2.2.
absl::StatusOr<std::string> OwnerInIntrospection(const OidcSettings& settings, const json& answer, absl::Time now) {
  const auto active = answer.find("active");
  if (active == answer.end() || !active->is_boolean()) {
    return UnreadableRefusal("introspection endpoint answered with what is no introspection");
  }
  if (!active->get<bool>()) return Refused("it is expired or revoked");
  const auto expires = TimeAt(answer, "exp");
  if (expires && now >= *expires + kClockLeeway) return Refused("it has expired");
  if (!settings.issuer.empty() && answer.contains("iss") && StringAt(answer, "iss") != settings.issuer) {
    return Refused("it is from another issuer");
  }
  const std::vector<std::string> audiences = StringsAt(answer, "aud");
  const auto names = [&](const std::string& audience) {
    return std::find(audiences.begin(), audiences.end(), audience) != audiences.end();
  };
  const bool ours = settings.access_token_audience.empty()
                        ? StringAt(answer, "client_id") == settings.client_id || names(settings.client_id)
                        : names(settings.access_token_audience);
  if (!ours) return Refused("it is not for this product");
  return OwnerIn(settings, answer);
}

}  // namespace

Task<absl::StatusOr<std::string>> OidcProvider::OwnerByJwt(Jwt jwt) {
  const json claims = jwt.claims;
  const absl::Time deadline = clock_.Now() + settings_.timeout;
  const absl::StatusOr<Verdict> verdict = co_await Verify(std::move(jwt), deadline);
  if (!verdict.ok()) co_return verdict.status();
  if (*verdict != Verdict::kGood) co_return Refused("its signature is not good");
  const std::string wrong = WrongInAccessToken(claims, settings_.issuer, settings_.access_token_audience, clock_.Now());
  if (!wrong.empty()) co_return Refused(wrong);
  co_return OwnerIn(settings_, claims);
}

Task<absl::StatusOr<std::string>> OidcProvider::OwnerByIntrospection(std::string endpoint, Secret access_token) {
  FormFields fields = {{"token", access_token.Reveal()}, {"token_type_hint", "access_token"}};
  HttpRequest request = ClientRequest(settings_, std::move(endpoint), std::move(fields), settings_.timeout);
  const absl::StatusOr<HttpResponse> response = co_await http_.Send(std::move(request));
  if (!response.ok()) co_return WireRefusal(response.status());
  if (absl::Status overload = OverloadRefusal(*response); !overload.ok()) co_return overload;
  if (response->status == 401 || response->status == 403) {
    co_return ClientRefusal(Cat("introspection was answered with HTTP ", response->status));
  }
  const std::optional<json> answer = ParseJsonObject(response->body.Reveal());
  if (response->status != 200 || !answer) {
    co_return UnreadableRefusal(
        Cat("introspection endpoint answered HTTP ", response->status, " with what is no introspection"));
  }
  co_return OwnerInIntrospection(settings_, *answer, clock_.Now());
}

Task<absl::StatusOr<std::string>> OidcProvider::OwnerOf(Secret access_token) {
  if (access_token.empty() || !HasNoControls(access_token.Reveal())) co_return Refused("there is none");
  const absl::StatusOr<Facts> facts = co_await GetFacts(settings_.timeout);
  if (!facts.ok()) co_return facts.status();
  const bool by_jwt = !settings_.issuer.empty() && !settings_.access_token_audience.empty();
  const std::string introspection = (*facts)->endpoints.introspection;
  if (by_jwt) {
    std::optional<Jwt> jwt = ParseJwt(access_token.Reveal());
    if (jwt) {
      Jwt token = *std::move(jwt);
      co_return co_await OwnerByJwt(std::move(token));
    }
  }
  if (!introspection.empty()) co_return co_await OwnerByIntrospection(introspection, std::move(access_token));
  if (by_jwt) co_return Refused("it is no signed token of this product's identity provider");
  co_return Unverifiable(
      "the identity provider offers neither signed access tokens for this product nor introspection");
}

}  // namespace authflow
