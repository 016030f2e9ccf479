#include "server/provider/identity.h"

#include <string>
#include <utility>

#include "server/base/error_class.h"
#include "server/base/text.h"
#include "server/provider/form.h"
#include "server/provider/json.h"

namespace authflow {
namespace {

constexpr size_t kMaxTrait = 320;  // an e-mail address of the longest kind

// Traits are a courtesy: one that cannot be shown is left out.
std::string Trait(const nlohmann::json& from, const std::string& name) {
  std::string text = StringAt(from, name);
  return text.size() <= kMaxTrait && HasNoControls(text) ? text : "";
}

std::string Or(const std::string& name, const char* fallback) { return name.empty() ? fallback : name; }

const char* SourceName(IdentitySource source) {
  switch (source) {
    case IdentitySource::kIdToken:
      return "id_token";
    case IdentitySource::kUserinfo:
      return "userinfo answer";
    case IdentitySource::kTokenResponseUser:
      return "token answer's user";
  }
  return "answer";
}

}  // namespace

std::string UserIdName(const IdentityRules& rules) {
  return Or(rules.user_id, rules.source == IdentitySource::kTokenResponseUser ? "id" : "sub");
}

absl::Status IdentityRefusal(const std::string& where) {
  return Refusal(v1::ERROR_CLASS_IDENTITY_MISSING, Cat("The identity provider did not say who signed in: ", where,
                                                       ". The operator should check the product's identity rules."));
}

absl::StatusOr<Identity> FindIdentity(const IdentityRules& rules, const nlohmann::json& from) {
  Identity identity;
  const std::string name = UserIdName(rules);
  identity.user_id = IdAt(from, name);
  if (identity.user_id.empty()) {
    return IdentityRefusal(Cat("its ", SourceName(rules.source), " has no usable \"", name, "\""));
  }
  identity.email = Trait(from, Or(rules.email, "email"));
  identity.name = Trait(from, Or(rules.name, "name"));
  return identity;
}

}  // namespace authflow
