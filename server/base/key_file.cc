// Keys::LoadOrCreate: the file that holds the server's keys.
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "server/base/keys.h"
#include "server/base/random.h"
#include "server/base/text.h"

namespace authflow {
namespace {

constexpr size_t kMaxFileSize = 64 * 1024;

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

absl::Status Wrong(const std::string& path, const std::string& what) {
  return absl::FailedPreconditionError(Cat("key file ", path, ": ", what));
}

absl::Status WrongErrno(const std::string& path, std::string_view doing) {
  return Wrong(path, Cat(doing, ": ", std::strerror(errno)));
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool WriteAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

absl::Status SyncFolder(const std::string& path) {
  const File folder(open(FolderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || fsync(folder.get()) != 0) return WrongErrno(path, "syncing its folder");
  return absl::OkStatus();
}

// Makes the file whole or not at all. If another process made one meanwhile, that one stays.
absl::Status Create(const std::string& path) {
  std::string name = path + ".XXXXXX";
  const File file(mkostemp(name.data(), O_CLOEXEC));  // mode 0600
  if (file.get() < 0) return WrongErrno(path, "making it");
  const Secret key(RandomBytes(32));
  const Secret line(absl::BytesToHexString(key.Reveal()) + "\n");
  absl::Status status;
  if (!WriteAll(file.get(), line.Reveal()) || fsync(file.get()) != 0) {
    status = WrongErrno(path, "writing it");
  } else if (link(name.c_str(), path.c_str()) != 0 && errno != EEXIST) {
    status = WrongErrno(path, "making it");
  }
  unlink(name.c_str());
  return status;
}

// nullopt: there is no file.
absl::StatusOr<std::optional<Secret>> Read(const std::string& path) {
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 && errno == ENOENT) return std::optional<Secret>();
  if (file.get() < 0) return WrongErrno(path, "opening it");
  struct stat facts;
  if (fstat(file.get(), &facts) != 0) return WrongErrno(path, "opening it");
  if (!S_ISREG(facts.st_mode)) return Wrong(path, "it is no regular file");
  // Secret volumes of orchestrators belong to root and are read through the group.
  const mode_t forbidden = facts.st_uid == geteuid() ? 0077 : 0037;
  if ((facts.st_mode & forbidden) != 0) return Wrong(path, "its mode lets others read or write it: chmod 600");
  std::string text(kMaxFileSize + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return WrongErrno(path, "reading it");
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > kMaxFileSize) return Wrong(path, "it is larger than 64 KiB");
  text.resize(size);
  return std::optional<Secret>(std::move(text));
}

absl::StatusOr<std::vector<Secret>> Parse(const std::string& path, const Secret& text) {
  std::vector<Secret> keys;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text.Reveal(), '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty()) continue;
    bool hex = line.size() == 64;
    for (const char c : line) hex = hex && absl::ascii_isxdigit(static_cast<unsigned char>(c));
    if (!hex) return Wrong(path, Cat("line ", number, " is no key of 64 hex digits"));
    keys.emplace_back(absl::HexStringToBytes(line));
  }
  if (keys.empty()) return Wrong(path, "there is no key in it");
  return keys;
}

}  // namespace

absl::StatusOr<Keys> Keys::LoadOrCreate(const std::string& path) {
  absl::StatusOr<std::optional<Secret>> text = Read(path);
  if (text.ok() && !text->has_value()) {
    if (absl::Status created = Create(path); !created.ok()) return created;
    text = Read(path);
    if (text.ok() && !text->has_value()) return Wrong(path, "it was removed while it was being made");
    // Also when another process made it: that one may not have come to this yet.
    if (absl::Status synced = SyncFolder(path); !synced.ok()) return synced;
  }
  if (!text.ok()) return text.status();
  auto keys = Parse(path, **text);
  if (!keys.ok()) return keys.status();
  return Keys(*std::move(keys));
}

}  // namespace authflow
