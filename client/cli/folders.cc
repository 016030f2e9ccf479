#include "client/cli/folders.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

namespace authflow {
namespace {

std::string Absolute(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && value[0] == '/' ? value : "";
}

std::string Home() {
  std::string home = Absolute("HOME");
  if (!home.empty()) return home;
  const passwd* entry = getpwuid(getuid());
  return entry != nullptr && entry->pw_dir != nullptr ? entry->pw_dir : "";
}

std::string FolderOf(const char* variable, const char* below_home) {
  std::string base = Absolute(variable);
  if (base.empty()) {
    base = Home();
    if (base.empty()) return "";
    base += below_home;
  }
  return base + "/authflow";
}

}  // namespace

Folders FoldersFromEnvironment() {
  return {.config = FolderOf("XDG_CONFIG_HOME", "/.config"), .data = FolderOf("XDG_DATA_HOME", "/.local/share")};
}

}  // namespace authflow
