#include "server/provider/token_answer.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "server/base/text.h"
#include "server/provider/form.h"
#include "server/provider/json.h"

namespace authflow {
namespace {

using nlohmann::json;

constexpr int64_t kLongest = int64_t{10} * 365 * 24 * 3600;

// JSON whatever the content type says; a form only when it says so (GitHub without an Accept header).
std::optional<json> ReadBody(const HttpResponse& response) {
  const std::string& body = response.body.Reveal();
  if (auto object = ParseJsonObject(body)) return object;
  const std::string type = absl::AsciiStrToLower(ToAbsl(response.Header("content-type")));
  if (!absl::StartsWith(type, "application/x-www-form-urlencoded") && !absl::StartsWith(type, "text/plain")) {
    return std::nullopt;
  }
  const auto fields = DecodeForm(ToStd(absl::StripAsciiWhitespace(body)));
  if (!fields) return std::nullopt;
  json object = json::object();
  for (const auto& [name, value] : *fields) {
    if (HasNoControls(value)) object[name] = value;
  }
  return object;
}

// A number, or a number in a string; nullopt when it is absent, or says nothing.
std::optional<absl::Duration> Lifetime(const json& answer) {
  const auto it = answer.find("expires_in");
  if (it == answer.end()) return std::nullopt;
  int64_t seconds = -1;
  if (it->is_number_integer()) {
    seconds = it->is_number_unsigned() && it->get<uint64_t>() > static_cast<uint64_t>(kLongest) ? kLongest
                                                                                                : it->get<int64_t>();
  } else if (it->is_number_float()) {
    const double number = it->get<double>();
    seconds = number >= 0 && number < static_cast<double>(kLongest) ? static_cast<int64_t>(number) : -1;
  } else if (it->is_string() && !absl::SimpleAtoi(it->get<std::string>(), &seconds)) {
    return std::nullopt;
  }
  if (seconds < 0) return std::nullopt;
  return absl::Seconds(std::min(seconds, kLongest));
}

// Separated by spaces (RFC 6749 3.3), or by commas, or an array; those asked for when the answer does not say.
std::vector<std::string> Scopes(const json& answer, const std::vector<std::string>& asked_for) {
  const auto it = answer.find("scope");
  if (it == answer.end() || it->is_null()) return asked_for;
  if (it->is_array()) return StringsAt(answer, "scope");
  return absl::StrSplit(StringAt(answer, "scope"), absl::ByAnyChar(" ,"), absl::SkipEmpty());
}

bool IsBearer(const json& answer) {
  const auto it = answer.find("token_type");
  if (it == answer.end() || it->is_null()) return true;
  return it->is_string() && absl::EqualsIgnoreCase(it->get<std::string>(), "bearer");
}

absl::Status Unreadable(const HttpResponse& response) {
  return UnreadableRefusal(Cat("token endpoint answered HTTP ", response.status, " with what is no OAuth answer"));
}

}  // namespace

absl::StatusOr<TokenAnswer> ReadTokenAnswer(const HttpResponse& response, Grant grant, absl::Time asked,
                                            const std::vector<std::string>& scopes,
                                            const std::vector<std::string_view>& secrets) {
  if (absl::Status overload = OverloadRefusal(response); !overload.ok()) return overload;
  std::optional<json> answer = ReadBody(response);
  const std::string error = answer ? StringAt(*answer, "error") : "";
  // Some send errors with status 200, others with 403.
  if (!error.empty()) return OAuthRefusal(grant, error, StringAt(*answer, "error_description"), secrets);
  if (response.status == 401) return ClientRefusal("HTTP 401");
  if (response.status == 400 && absl::StripAsciiWhitespace(response.body.Reveal()).empty()) {
    return GrantRefusal(grant, "HTTP 400 without words");
  }
  if (response.status != 200 && response.status != 201) return Unreadable(response);
  if (!answer) return Unreadable(response);

  TokenAnswer read;
  read.tokens.access_token = Secret(StringAt(*answer, "access_token"));
  read.tokens.refresh_token = Secret(StringAt(*answer, "refresh_token"));
  read.tokens.id_token = Secret(StringAt(*answer, "id_token"));
  for (const Secret* token : {&read.tokens.access_token, &read.tokens.refresh_token, &read.tokens.id_token}) {
    if (!HasNoControls(token->Reveal())) return UnreadableRefusal("tokens have control characters");
  }
  if (read.tokens.access_token.empty()) return UnreadableRefusal("token endpoint answered without an access token");
  if (!IsBearer(*answer)) return UnreadableRefusal("access token is of a type that is not \"Bearer\"");
  if (const auto lifetime = Lifetime(*answer)) read.tokens.expire = asked + *lifetime;
  read.tokens.scopes = Scopes(*answer, scopes);
  read.json = *std::move(answer);
  return read;
}

std::string ErrorOfTokenAnswer(const HttpResponse& response) {
  const std::optional<json> answer = ReadBody(response);
  return answer ? StringAt(*answer, "error") : "";
}

}  // namespace authflow
