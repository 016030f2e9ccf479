// The device grant (RFC 8628): a code for the person, and the question whether it was approved.

#include <utility>

#include "absl/strings/str_join.h"
#include "server/base/error_class.h"
#include "server/provider/authorization_url.h"
#include "server/provider/client_request.h"
#include "server/provider/device_answer.h"
#include "server/provider/oidc_provider_impl.h"

namespace authflow {
namespace {

constexpr char kGrantType[] = "urn:ietf:params:oauth:grant-type:device_code";

// RFC 8628 3.5: what says nothing about the code. It is asked for again, and less often.
bool IsAway(const absl::Status& refusal) {
  switch (ClassOf(refusal)) {
    case v1::ERROR_CLASS_PROVIDER_UNREACHABLE:
    case v1::ERROR_CLASS_PROVIDER_TIMEOUT:
    case v1::ERROR_CLASS_PROVIDER_RATE_LIMITED:
    case v1::ERROR_CLASS_PROVIDER_ERROR:
      return true;
    default:
      return false;
  }
}

}  // namespace

Task<bool> OidcProvider::OffersDeviceGrant() {
  const absl::StatusOr<Facts> facts = co_await GetFacts(settings_.timeout);
  co_return facts.ok() && !(*facts)->endpoints.device_authorization.empty();
}

Task<absl::StatusOr<DeviceAuthorization>> OidcProvider::StartDevice(v1::FlowKind kind) {
  const absl::StatusOr<Facts> facts = co_await GetFacts(settings_.timeout);
  if (!facts.ok()) co_return facts.status();
  const std::string& endpoint = (*facts)->endpoints.device_authorization;
  if (endpoint.empty()) co_return DeviceGrantNotOffered();
  // There is no authorization request: what the operator adds to one (an audience, a tenant) goes here.
  FormFields fields;
  if (!settings_.scopes.empty()) fields.emplace_back("scope", absl::StrJoin(settings_.scopes, " "));
  AddParameters(settings_, kind, OidcParameter::Place::kAuthorization, fields);
  const absl::Time asked = clock_.Now();
  HttpRequest request = ClientRequest(settings_, endpoint, std::move(fields), settings_.timeout);
  const absl::StatusOr<HttpResponse> response = co_await http_.Send(std::move(request));
  if (!response.ok()) co_return WireRefusal(response.status());
  const std::vector<std::string_view> secrets = {settings_.client_secret.Reveal()};
  co_return ReadDeviceAnswer(*response, asked, secrets);
}

Task<absl::StatusOr<DeviceAnswer>> OidcProvider::PollDevice(DeviceGrant grant) {
  DeviceAnswer answer;
  answer.state = DeviceAnswer::State::kAway;
  const absl::StatusOr<Facts> facts = co_await GetFacts(TimeoutUntil(grant.deadline));
  if (!facts.ok() && IsAway(facts.status())) co_return answer;
  if (!facts.ok()) co_return facts.status();
  FormFields fields = {{"grant_type", kGrantType}, {"device_code", grant.device_code.Reveal()}};
  AddParameters(settings_, grant.kind, OidcParameter::Place::kToken, fields);
  const absl::Time asked = clock_.Now();
  const absl::Duration timeout = TimeoutUntil(grant.deadline);
  if (timeout <= absl::ZeroDuration()) co_return answer;
  HttpRequest request = ClientRequest(settings_, (*facts)->endpoints.token, std::move(fields), timeout);
  const absl::StatusOr<HttpResponse> response = co_await http_.Send(std::move(request));
  const absl::Status wire = response.ok() ? absl::OkStatus() : WireRefusal(response.status());
  if (!wire.ok() && IsAway(wire)) co_return answer;
  if (!wire.ok()) co_return wire;
  const std::string error = ErrorOfTokenAnswer(*response);
  if (error == "authorization_pending" || error == "slow_down") {
    answer.state = error == "slow_down" ? DeviceAnswer::State::kSlowDown : DeviceAnswer::State::kPending;
    co_return answer;
  }
  const std::vector<std::string_view> secrets = {settings_.client_secret.Reveal(), grant.device_code.Reveal()};
  absl::StatusOr<TokenAnswer> tokens = ReadTokenAnswer(*response, Grant::kDevice, asked, settings_.scopes, secrets);
  if (!tokens.ok() && IsAway(tokens.status())) co_return answer;
  if (!tokens.ok()) co_return tokens.status();
  // No nonce: see docs/security.md.
  TokenAnswer whole = *std::move(tokens);
  absl::StatusOr<SignedIn> signed_in =
      co_await Recognise(std::move(whole), Secret(), (*facts)->endpoints.userinfo, grant.deadline);
  if (!signed_in.ok()) co_return signed_in.status();
  answer.state = DeviceAnswer::State::kSignedIn;
  answer.signed_in = *std::move(signed_in);
  co_return answer;
}

}  // namespace authflow
