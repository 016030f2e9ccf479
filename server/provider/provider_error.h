// What went wrong at the provider, as a refusal whose sentence helps the person at the terminal. Pure.
#ifndef AUTHFLOW_SERVER_PROVIDER_PROVIDER_ERROR_H_
#define AUTHFLOW_SERVER_PROVIDER_PROVIDER_ERROR_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/base/http/http_client.h"

namespace authflow {

// An error of HttpClient.
absl::Status WireRefusal(const absl::Status& wire);

// 429 and 5xx, whatever the body says; OK for other statuses.
absl::Status OverloadRefusal(const HttpResponse& response);

// `what` completes "The identity provider's ... ": "keys cannot be read".
absl::Status UnreadableRefusal(std::string_view what);

// No time is left for a request.
absl::Status NoTimeRefusal();

// What a grant was for: "invalid_grant" means another thing in each.
enum class Grant { kCode, kRefresh, kDevice };

// An OAuth error (RFC 6749 5.2). `secrets` do not appear in the message, should the provider have quoted them.
absl::Status OAuthRefusal(Grant grant, std::string_view error, std::string_view description,
                          const std::vector<std::string_view>& secrets);

// The code or refresh token was refused; `words` are the provider's, quoted already, or empty.
absl::Status GrantRefusal(Grant grant, std::string_view words);

absl::Status DeviceGrantNotOffered();

// The device code has expired, or was redeemed before.
absl::Status DeviceCodeRefusal(std::string_view words);

absl::Status ClientRefusal(std::string_view words);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_PROVIDER_ERROR_H_
