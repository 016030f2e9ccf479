#include "client/cli/profile.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace authflow {
namespace {

std::string FolderOf(const Folders& folders) { return folders.config.empty() ? "" : folders.config + "/profiles"; }

}  // namespace

bool IsProfileName(const std::string& name) {
  return !name.empty() && name.size() <= 64 && absl::ascii_isalnum(name[0]) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-'; });
}

std::string ProfilePath(const Folders& folders, const std::string& name) {
  return absl::StrCat(FolderOf(folders), "/", name, ".json");
}

absl::StatusOr<std::optional<Profile>> LoadProfile(const Folders& folders, const std::string& name) {
  const std::string path = ProfilePath(folders, name);
  const auto text = ReadSmallFile(path);
  if (absl::IsNotFound(text.status())) return std::nullopt;
  if (!text.ok()) return text.status();
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    return absl::InternalError(absl::StrCat(path, " is not a profile: delete it and sign in again."));
  const auto field = [&](const nlohmann::json& object, const char* key) {
    return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : std::string();
  };
  Profile profile{.server = field(json, "server"),
                  .product = field(json, "product"),
                  .user_id = field(json, "user_id"),
                  .email = field(json, "email")};
  if (json.contains("application") && json["application"].is_object()) {
    profile.application_id = field(json["application"], "id");
    profile.application_name = field(json["application"], "name");
    profile.region = field(json["application"], "region");
  }
  return profile;
}

absl::StatusOr<PreparedFile> PrepareProfile(const Folders& folders, const std::string& name, const Profile& profile) {
  if (folders.config.empty()) return absl::InternalError("There is no home folder: set HOME.");
  nlohmann::ordered_json json = {{"server", profile.server},
                                 {"product", profile.product},
                                 {"user_id", profile.user_id},
                                 {"email", profile.email},
                                 {"application", nullptr}};
  if (!profile.application_id.empty()) {
    json["application"] = {
        {"id", profile.application_id}, {"name", profile.application_name}, {"region", profile.region}};
  }
  const auto text = json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  return PreparedFile::Prepare(ProfilePath(folders, name), text + "\n");
}

int CountProfiles(const Folders& folders) {
  int count = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(FolderOf(folders), error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".json") ++count;
  }
  return count;
}

}  // namespace authflow
