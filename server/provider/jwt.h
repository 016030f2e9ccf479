// JSON Web Tokens in compact form (RFC 7515, 7519), and the public keys that verify them (RFC 7517). Pure.
#ifndef AUTHFLOW_SERVER_PROVIDER_JWT_H_
#define AUTHFLOW_SERVER_PROVIDER_JWT_H_

#include <openssl/types.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace authflow {

// A token taken apart; nothing of it is verified yet.
struct Jwt {
  std::string algorithm;           // "alg"
  std::optional<std::string> key;  // "kid"
  nlohmann::json claims;
  std::string signed_part;
  std::string signature;
};

// nullopt: not three parts of base64url with JSON objects, without an alg, or with critical headers (RFC 7515 4.1.11).
std::optional<Jwt> ParseJwt(std::string_view token);

// One public key of a set.
struct Jwk {
  std::optional<std::string> id;  // "kid"
  std::string algorithm;          // "RS256" or "ES256": what it can verify
  std::shared_ptr<const EVP_PKEY> key;
};

using Jwks = std::vector<Jwk>;

// The keys of a set that verify RS256 (RSA of 2048 to 16384 bits) or ES256 (P-256) and are not for another use; others
// are left out, broken ones too. nullopt: it is no key set.
std::optional<Jwks> ParseJwks(std::string_view text);

// What a lookup and a verification came to.
enum class Verdict {
  kGood,
  kUnknownKey,  // no such kid: the keys may have been rotated
  kBad,         // another algorithm than RS256 and ES256, a wrong signature, or no kid where several keys would fit
};
Verdict VerifySignature(const Jwt& jwt, const Jwks& keys);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_JWT_H_
