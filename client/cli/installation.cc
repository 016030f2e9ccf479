#include "client/cli/installation.h"

#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/atomic_file.h"
#include "server/base/random.h"
#include "server/base/uuid.h"

namespace authflow {
namespace {

std::optional<std::string> Read(const std::string& path) {
  const auto text = ReadSmallFile(path);
  if (!text.ok()) return std::nullopt;
  const auto id = Uuid::Parse(std::string(absl::StripAsciiWhitespace(*text)));
  if (!id) return std::nullopt;
  return id->ToString();
}

}  // namespace

std::string AnonymousId(const Folders& folders) {
  // Version 4: this id must not tell when the tool was installed.
  const auto id = Uuid::FromBytes(RandomBytes(16))->Stamped(4).ToString();
  if (folders.data.empty()) return id;
  const std::string path = absl::StrCat(folders.data, "/anonymous_id");
  if (auto known = Read(path)) return *known;
  // Complete under a name of its own, then linked: link fails if another process was first.
  const std::string own = absl::StrCat(path, ".", id);
  if (!WriteFileAtomically(own, id + "\n").ok()) return id;
  const bool first = link(own.c_str(), path.c_str()) == 0;
  if (!first && !Read(path)) {
    // What is there is no id: replace it.
    if (rename(own.c_str(), path.c_str()) == 0) return id;
  }
  unlink(own.c_str());
  return first ? id : Read(path).value_or(id);
}

}  // namespace authflow
