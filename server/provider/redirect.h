// The provider's answer in the browser: the query of the redirect (RFC 6749 4.1.2).
#ifndef AUTHFLOW_SERVER_PROVIDER_REDIRECT_H_
#define AUTHFLOW_SERVER_PROVIDER_REDIRECT_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/base/secret.h"

namespace authflow {

struct RedirectAnswer {
  Secret code;                    // exactly one of code
  std::string error;              // and error is set
  std::string error_description;  // the provider's words, untrusted
  Secret state;                   // empty if absent
  std::optional<std::string> iss;
};

// `query` is all after "?", at most 8 KiB; a leading "?" and a "#..." are tolerated. application/x-www-form-urlencoded.
// REDIRECT_MALFORMED: neither code nor error, both, one of the parameters twice, broken escapes, control characters.
// Pure.
absl::StatusOr<RedirectAnswer> ParseRedirect(std::string_view query);

// What its error means (4.1.2.1), access_denied apart; the provider's words are quoted.
absl::Status RedirectRefusal(const RedirectAnswer& answer);

// Text from the provider as it may stand in a message: printable ASCII, others escaped, at most 200 bytes.
std::string Quoted(std::string_view untrusted);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_REDIRECT_H_
