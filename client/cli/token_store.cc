#include "client/cli/token_store.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace authflow {
namespace {

// A token this close to its end would be refused on the way.
constexpr absl::Duration kMargin = absl::Seconds(10);

std::string PathOf(const Folders& folders, const std::string& profile_name, const char* ending) {
  return absl::StrCat(folders.data, "/tokens/", profile_name, ending);
}

std::string Field(const nlohmann::json& json, const char* key) {
  return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string();
}

nlohmann::ordered_json TokensJson(const StoredLogin& login) {
  nlohmann::ordered_json json = {{"access_token", login.access_token.Reveal()},
                                 {"refresh_token", login.refresh_token.Reveal()},
                                 {"id_token", login.id_token.Reveal()},
                                 {"expires_at", nullptr},
                                 {"scopes", login.scopes}};
  if (login.expire_time) {
    json["expires_at"] = absl::FormatTime(absl::RFC3339_full, *login.expire_time, absl::UTCTimeZone());
  }
  return json;
}

void ReadTokens(const nlohmann::json& json, StoredLogin& login) {
  login.access_token = Secret(Field(json, "access_token"));
  login.refresh_token = Secret(Field(json, "refresh_token"));
  login.id_token = Secret(Field(json, "id_token"));
  login.expire_time.reset();
  absl::Time expire;
  if (absl::ParseTime(absl::RFC3339_full, Field(json, "expires_at"), &expire, nullptr)) login.expire_time = expire;
  login.scopes.clear();
  if (json.contains("scopes") && json["scopes"].is_array()) {
    for (const auto& scope : json["scopes"]) {
      if (scope.is_string()) login.scopes.push_back(scope.get<std::string>());
    }
  }
}

}  // namespace

Secret TokensOf(const StoredLogin& login) {
  return Secret(TokensJson(login).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

bool StoredLogin::AdoptTokens(const Secret& tokens) {
  const auto json = nlohmann::json::parse(tokens.Reveal(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return false;
  ReadTokens(json, *this);
  return !access_token.empty();
}

void StoredLogin::Adopt(const v1::Tokens& tokens) {
  access_token = Secret(tokens.access_token());
  if (!tokens.refresh_token().empty()) refresh_token = Secret(tokens.refresh_token());
  if (!tokens.id_token().empty()) id_token = Secret(tokens.id_token());
  expire_time.reset();
  if (tokens.has_expire_time()) {
    expire_time =
        absl::FromUnixSeconds(tokens.expire_time().seconds()) + absl::Nanoseconds(tokens.expire_time().nanos());
  }
  scopes.assign(tokens.scopes().begin(), tokens.scopes().end());
}

bool StoredLogin::Expired(absl::Time now) const { return expire_time && *expire_time - kMargin <= now; }

std::string LoginPath(const Folders& folders, const std::string& profile_name) {
  return PathOf(folders, profile_name, ".json");
}

std::string LoginLockPath(const Folders& folders, const std::string& profile_name) {
  return PathOf(folders, profile_name, ".lock");
}

absl::StatusOr<std::optional<StoredLogin>> LoadLogin(const Folders& folders, const std::string& profile_name) {
  const std::string path = LoginPath(folders, profile_name);
  const auto text = ReadSmallFile(path);
  if (absl::IsNotFound(text.status())) return std::nullopt;
  if (!text.ok()) return text.status();
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  StoredLogin login;
  if (json.is_object()) {
    login = {.server = Field(json, "server"),
             .product = Field(json, "product"),
             .user_id = Field(json, "user_id"),
             .email = Field(json, "email"),
             .name = Field(json, "name"),
             .keyring_id = Field(json, "keyring")};
    ReadTokens(json, login);
  }
  if (login.access_token.empty() && login.keyring_id.empty()) {
    return absl::InternalError(absl::StrCat(path, " does not hold a login: delete it and sign in again."));
  }
  return login;
}

absl::StatusOr<PreparedFile> PrepareLogin(const Folders& folders, const std::string& profile_name,
                                          const StoredLogin& login) {
  if (folders.data.empty()) return absl::InternalError("There is no home folder: set HOME.");
  nlohmann::ordered_json json = {{"server", login.server},
                                 {"product", login.product},
                                 {"user_id", login.user_id},
                                 {"email", login.email},
                                 {"name", login.name}};
  if (login.keyring_id.empty()) {
    json.update(TokensJson(login));
  } else {
    json["keyring"] = login.keyring_id;
  }
  const auto text = json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  return PreparedFile::Prepare(LoginPath(folders, profile_name), text + "\n");
}

absl::Status DeleteLogin(const Folders& folders, const std::string& profile_name) {
  const std::string path = LoginPath(folders, profile_name);
  if (unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("Cannot delete ", path, ": ", std::strerror(errno), "."));
}

}  // namespace authflow
