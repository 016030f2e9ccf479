#include "server/provider/redirect.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "server/base/error_class.h"
#include "server/base/text.h"
#include "server/provider/form.h"

namespace authflow {
namespace {

constexpr size_t kMaxQuery = 8 * 1024;
constexpr size_t kMaxQuoted = 200;

absl::Status Malformed(std::string_view what) {
  return Refusal(v1::ERROR_CLASS_REDIRECT_MALFORMED,
                 Cat("The redirect from the identity provider ", what, ". Sign in again in the browser."));
}

bool IsEmailCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         std::string_view("._%+-").find(c) != std::string_view::npos;
}

// name@host becomes [e-mail]: providers quote who tried to sign in.
std::string WithoutEmails(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '@') {
      out.push_back(text[i]);
      continue;
    }
    size_t end = i + 1;
    while (end < text.size() && IsEmailCharacter(text[end])) ++end;
    size_t name = out.size();
    while (name > 0 && IsEmailCharacter(out[name - 1])) --name;
    if (name == out.size() || end == i + 1) {
      out.push_back('@');
      continue;
    }
    out.resize(name);
    out += "[e-mail]";
    i = end - 1;
  }
  return out;
}

}  // namespace

absl::StatusOr<RedirectAnswer> ParseRedirect(std::string_view query) {
  if (query.size() > kMaxQuery) return Malformed("is longer than 8 KiB");
  if (query.starts_with("?")) query.remove_prefix(1);
  query = query.substr(0, query.find('#'));
  const auto fields = DecodeForm(query);
  if (!fields) return Malformed("has a broken escape");

  std::optional<std::string> code, error, description, state, iss;
  const std::pair<std::string_view, std::optional<std::string>*> known[] = {
      {"code", &code}, {"error", &error}, {"error_description", &description}, {"state", &state}, {"iss", &iss}};
  for (const auto& [name, value] : *fields) {
    for (const auto& [known_name, place] : known) {
      if (name != known_name) continue;
      if (place->has_value()) return Malformed(Cat("has \"", known_name, "\" twice"));
      // The description is for people: line breaks occur in it, and it is escaped where it is shown.
      if (place != &description && !HasNoControls(value)) return Malformed("has control characters");
      *place = value;
    }
  }
  const bool has_code = code && !code->empty();
  const bool has_error = error && !error->empty();
  if (has_code && has_error) return Malformed("has both a code and an error");
  if (!has_code && !has_error) return Malformed("has neither a code nor an error");

  RedirectAnswer answer;
  answer.code = Secret(std::move(code).value_or(""));
  answer.error = std::move(error).value_or("");
  if (has_error) answer.error_description = std::move(description).value_or("");
  answer.state = Secret(std::move(state).value_or(""));
  answer.iss = std::move(iss);
  return answer;
}

absl::Status RedirectRefusal(const RedirectAnswer& answer) {
  const std::string words =
      Quoted(answer.error_description.empty() ? answer.error : Cat(answer.error, ": ", answer.error_description));
  if (answer.error == "server_error" || answer.error == "temporarily_unavailable") {
    return Refusal(v1::ERROR_CLASS_PROVIDER_ERROR,
                   Cat("The identity provider has a problem of its own (", words, "). Try again later."));
  }
  if (answer.error == "unauthorized_client") {
    return Refusal(v1::ERROR_CLASS_PROVIDER_CLIENT_REFUSED,
                   Cat("The identity provider does not accept this product's client (", words,
                       "). The operator should check the client's registration."));
  }
  return Refusal(v1::ERROR_CLASS_PROVIDER_REFUSED, Cat("The identity provider refused. It says: ", words));
}

std::string Quoted(std::string_view untrusted) {
  // Long enough that nothing which is cut off here would have been shown.
  const std::string text = WithoutEmails(untrusted.substr(0, 4 * kMaxQuoted));
  std::string quoted;
  for (const char c : text) {
    const bool plain = absl::ascii_isprint(static_cast<unsigned char>(c));
    const std::string piece = plain ? std::string(1, c) : absl::CHexEscape(std::string(1, c));
    if (quoted.size() + piece.size() > kMaxQuoted - 3) return quoted + "...";
    quoted += piece;
  }
  return quoted;
}

}  // namespace authflow
