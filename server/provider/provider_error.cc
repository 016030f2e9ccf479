#include "server/provider/provider_error.h"

#include <algorithm>
#include <initializer_list>

#include "server/base/error_class.h"
#include "server/base/text.h"
#include "server/provider/redirect.h"

namespace authflow {
namespace {

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string InBrackets(std::string_view words) { return words.empty() ? "" : Cat(" (", words, ")"); }

std::string Without(std::string text, std::string_view secret) {
  if (secret.size() < 4) return text;
  for (size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
    text.replace(at, secret.size(), "[...]");
    at += 5;
  }
  return text;
}

}  // namespace

absl::Status WireRefusal(const absl::Status& wire) {
  const std::string cause = InBrackets(ToStd(wire.message()));
  switch (wire.code()) {
    case absl::StatusCode::kDeadlineExceeded:
      return Refusal(v1::ERROR_CLASS_PROVIDER_TIMEOUT,
                     Cat("The identity provider did not answer in time", cause, ". Try again."));
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kInvalidArgument:
      return Refusal(
          v1::ERROR_CLASS_PROVIDER_INVALID_RESPONSE,
          Cat("The identity provider's answer cannot be used", cause, ". The operator should check its endpoints."));
    default:
      return Refusal(v1::ERROR_CLASS_PROVIDER_UNREACHABLE,
                     Cat("The identity provider cannot be reached", cause, ". Try again."));
  }
}

absl::Status OverloadRefusal(const HttpResponse& response) {
  if (response.status == 429) {
    return Refusal(v1::ERROR_CLASS_PROVIDER_RATE_LIMITED,
                   "The identity provider has had too many requests. Try again in a while.");
  }
  if (response.status >= 500) {
    return Refusal(v1::ERROR_CLASS_PROVIDER_ERROR, Cat("The identity provider has a problem of its own (HTTP ",
                                                       response.status, "). Try again later."));
  }
  return absl::OkStatus();
}

absl::Status UnreadableRefusal(std::string_view what) {
  return Refusal(v1::ERROR_CLASS_PROVIDER_INVALID_RESPONSE,
                 Cat("The identity provider's ", what, ". The operator should check its endpoints."));
}

absl::Status NoTimeRefusal() {
  return Refusal(v1::ERROR_CLASS_PROVIDER_TIMEOUT, "No time was left to ask the identity provider. Try again.");
}

absl::Status GrantRefusal(Grant grant, std::string_view words) {
  if (grant == Grant::kRefresh) {
    return Refusal(v1::ERROR_CLASS_REFRESH_TOKEN_REFUSED,
                   Cat("The session has ended at the identity provider", InBrackets(words), ". Sign in again."));
  }
  if (grant == Grant::kDevice) return DeviceCodeRefusal(words);
  return Refusal(v1::ERROR_CLASS_CODE_REFUSED,
                 Cat("The identity provider refused the sign-in code: it has expired or was used before",
                     InBrackets(words), ". Sign in once more in the browser."));
}

absl::Status DeviceGrantNotOffered() {
  return Refusal(v1::ERROR_CLASS_DEVICE_GRANT_NOT_OFFERED,
                 "This identity provider offers no sign-in with a code (the device grant). Sign in with the browser.");
}

absl::Status DeviceCodeRefusal(std::string_view words) {
  return Refusal(v1::ERROR_CLASS_CODE_REFUSED, Cat("The code was not approved in time, or was used before",
                                                   InBrackets(words), ". Sign in once more with a new one."));
}

absl::Status ClientRefusal(std::string_view words) {
  return Refusal(v1::ERROR_CLASS_PROVIDER_CLIENT_REFUSED,
                 Cat("The identity provider does not accept this product's client or its secret", InBrackets(words),
                     ". The operator should check the client's registration."));
}

absl::Status OAuthRefusal(Grant grant, std::string_view error, std::string_view description,
                          const std::vector<std::string_view>& secrets) {
  std::string said = description.empty() ? std::string(error) : Cat(error, ": ", description);
  for (const std::string_view secret : secrets) said = Without(std::move(said), secret);
  const std::string words = Quoted(said);
  // Names beyond RFC 6749 are those of large providers.
  if (IsOneOf(error,
              {"invalid_grant", "invalid_code", "bad_verification_code", "bad_refresh_token", "expired_token"})) {
    return GrantRefusal(grant, words);
  }
  if (grant == Grant::kDevice && error == "access_denied") {
    return Refusal(v1::ERROR_CLASS_DENIED, "The sign-in was declined in the browser.");
  }
  // RFC 6749 5.2: the client is known, and this grant is not for it.
  if (grant == Grant::kDevice && error == "unauthorized_client") {
    return Refusal(v1::ERROR_CLASS_PROVIDER_CLIENT_REFUSED,
                   Cat("The identity provider does not let this product sign in with a code", InBrackets(words),
                       ". Sign in with the browser; the operator can allow the client the device grant."));
  }
  if (IsOneOf(error, {"invalid_client", "unauthorized_client", "incorrect_client_credentials"})) {
    return ClientRefusal(words);
  }
  if (IsOneOf(error, {"server_error", "temporarily_unavailable"})) {
    return Refusal(v1::ERROR_CLASS_PROVIDER_ERROR,
                   Cat("The identity provider has a problem of its own", InBrackets(words), ". Try again later."));
  }
  return Refusal(v1::ERROR_CLASS_PROVIDER_REFUSED, Cat("The identity provider refused. It says: ", words));
}

}  // namespace authflow
