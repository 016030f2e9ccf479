// The answer of a token endpoint (RFC 6749 5.1, 5.2), read with tolerance. Pure.
#ifndef AUTHFLOW_SERVER_PROVIDER_TOKEN_ANSWER_H_
#define AUTHFLOW_SERVER_PROVIDER_TOKEN_ANSWER_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/http/http_client.h"
#include "server/provider/provider.h"
#include "server/provider/provider_error.h"

namespace authflow {

struct TokenAnswer {
  Tokens tokens;
  nlohmann::json json;  // the whole answer: some have a user in it
};

// `asked` is when the request was made: the access token's time counts from there. `scopes` are those asked for.
// `secrets` are kept out of messages.
absl::StatusOr<TokenAnswer> ReadTokenAnswer(const HttpResponse& response, Grant grant, absl::Time asked,
                                            const std::vector<std::string>& scopes,
                                            const std::vector<std::string_view>& secrets);

// The OAuth error that the answer names (RFC 6749 5.2, RFC 8628 3.5); empty: none.
std::string ErrorOfTokenAnswer(const HttpResponse& response);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_TOKEN_ANSWER_H_
