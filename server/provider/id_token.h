// The claims of an id_token (OpenID Connect Core 3.1.3.7) and of an access token that is a JWT (RFC 9068 4). Pure.
#ifndef AUTHFLOW_SERVER_PROVIDER_ID_TOKEN_H_
#define AUTHFLOW_SERVER_PROVIDER_ID_TOKEN_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/secret.h"

namespace authflow {

// Clocks may differ by this much, in either direction.
inline constexpr absl::Duration kClockLeeway = absl::Seconds(60);

struct IdTokenExpectation {
  std::string issuer;
  std::string client_id;
  Secret nonce;         // empty: none was sent
  Secret access_token;  // that came with it; at_hash, when present, must fit
  absl::Time now;
};

// Everything but the signature. ID_TOKEN_INVALID names the claim that is wrong, never its value.
absl::Status CheckIdToken(const nlohmann::json& claims, const IdTokenExpectation& expected);

// "": good; else what is wrong with an access token's issuer, audience or time.
std::string WrongInAccessToken(const nlohmann::json& claims, const std::string& issuer, const std::string& audience,
                               absl::Time now);

absl::Status IdTokenRefusal(const std::string& what);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_ID_TOKEN_H_
