#include "server/provider/id_token.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "server/base/error_class.h"
#include "server/base/text.h"
#include "server/provider/form.h"
#include "server/provider/json.h"

namespace authflow {
namespace {

using nlohmann::json;

bool Contains(const std::vector<std::string>& strings, const std::string& string) {
  return std::find(strings.begin(), strings.end(), string) != strings.end();
}

// "": the token is of now.
std::string WrongTime(const json& claims, absl::Time now, bool needs_issue_time) {
  const auto expires = TimeAt(claims, "exp");
  const auto issued = TimeAt(claims, "iat");
  const auto not_before = TimeAt(claims, "nbf");
  if (!expires) return "it has no exp";
  if (now >= *expires + kClockLeeway) return "it has expired (exp)";
  if (needs_issue_time && !issued) return "it has no iat";
  if (issued && *issued > now + kClockLeeway) return "it comes from the future (iat)";
  if (not_before && *not_before > now + kClockLeeway) return "it is not valid yet (nbf)";
  return "";
}

std::string Wrong(const json& claims, const IdTokenExpectation& expected) {
  if (StringAt(claims, "iss") != expected.issuer) return "its iss is not the configured issuer";
  const std::vector<std::string> audience = StringsAt(claims, "aud");
  if (!Contains(audience, expected.client_id)) return "its aud does not name this client";
  if (audience.size() > 1 && !claims.contains("azp")) return "it has several audiences and no azp";
  if (claims.contains("azp") && StringAt(claims, "azp") != expected.client_id) return "its azp is not this client";
  if (std::string time = WrongTime(claims, expected.now, true); !time.empty()) return time;
  if (!expected.nonce.empty() && !expected.nonce.Equals(StringAt(claims, "nonce"))) {
    return "its nonce is not the one of this sign-in";
  }
  if (IdAt(claims, "sub").empty()) return "it has no sub";
  if (claims.contains("at_hash")) {
    // All algorithms that we accept hash with SHA-256.
    const std::string half = Sha256(expected.access_token.Reveal()).substr(0, 16);
    if (!EqualInConstantTime(StringAt(claims, "at_hash"), EncodeBase64Url(half))) {
      return "its at_hash does not fit the access token";
    }
  }
  return "";
}

}  // namespace

absl::Status IdTokenRefusal(const std::string& what) {
  return Refusal(v1::ERROR_CLASS_ID_TOKEN_INVALID, Cat("The identity provider's id_token cannot be trusted: ", what,
                                                       ". Try again; if it stays so, tell the operator."));
}

absl::Status CheckIdToken(const json& claims, const IdTokenExpectation& expected) {
  const std::string wrong = Wrong(claims, expected);
  return wrong.empty() ? absl::OkStatus() : IdTokenRefusal(wrong);
}

std::string WrongInAccessToken(const json& claims, const std::string& issuer, const std::string& audience,
                               absl::Time now) {
  if (StringAt(claims, "iss") != issuer) return "it is from another issuer";
  if (!Contains(StringsAt(claims, "aud"), audience)) return "it is not for this product";
  // Only an id_token has it: where both have the same audience, one must not pass for the other.
  if (claims.contains("at_hash")) return "it is no access token";
  return WrongTime(claims, now, false);
}

}  // namespace authflow
