#include "client/cli/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace authflow {
namespace {

constexpr size_t kLargest = 1 << 20;

absl::Status Failed(const char* what, const std::string& path, int error) {
  return absl::InternalError(absl::StrCat("Cannot ", what, " ", path, ": ", std::strerror(error), "."));
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// 0 or an errno.
int WriteAll(int file, const std::string& content) {
  size_t written = 0;
  while (written < content.size()) {
    const ssize_t n = write(file, content.data() + written, content.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    written += n;
  }
  return fsync(file) == 0 ? 0 : errno;
}

// The temporary files of this process.
struct Temporaries {
  std::mutex mutex;
  std::set<std::string> names;
};

Temporaries& AllTemporaries() {
  static auto* all = new Temporaries;
  return *all;
}

void Remember(const std::string& name) {
  std::lock_guard lock(AllTemporaries().mutex);
  AllTemporaries().names.insert(name);
}

void Forget(const std::string& name) {
  std::lock_guard lock(AllTemporaries().mutex);
  AllTemporaries().names.erase(name);
}

}  // namespace

absl::Status MakeFolder(const std::string& path) {
  if (path.empty()) return absl::InternalError("There is no home folder: set HOME.");
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  if (errno != ENOENT || path == "/") return Failed("make the folder", path, errno);
  if (auto above = MakeFolder(FolderOf(path)); !above.ok()) return above;
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return Failed("make the folder", path, errno);
}

absl::StatusOr<PreparedFile> PreparedFile::Prepare(const std::string& path, const std::string& content) {
  if (auto folder = MakeFolder(FolderOf(path)); !folder.ok()) return folder;
  std::string temporary = path + ".XXXXXX";
  const int file = mkostemp(temporary.data(), O_CLOEXEC);  // mode 0600
  if (file < 0) return Failed("write", path, errno);
  Remember(temporary);
  PreparedFile prepared(path, temporary);
  const int error = WriteAll(file, content);
  const int close_error = close(file) == 0 ? 0 : errno;
  if (error != 0 || close_error != 0) return Failed("write", path, error != 0 ? error : close_error);
  return prepared;
}

absl::Status CheckWritable(const std::string& path) {
  if (auto folder = MakeFolder(FolderOf(path)); !folder.ok()) return folder;
  std::string temporary = path + ".XXXXXX";
  const int file = mkostemp(temporary.data(), O_CLOEXEC);
  if (file < 0) return Failed("write", path, errno);
  unlink(temporary.c_str());
  close(file);
  return absl::OkStatus();
}

PreparedFile::PreparedFile(PreparedFile&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, "")) {}

PreparedFile& PreparedFile::operator=(PreparedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  return *this;
}

PreparedFile::~PreparedFile() {
  if (temporary_.empty()) return;
  unlink(temporary_.c_str());
  Forget(temporary_);
}

absl::Status PreparedFile::Commit() {
  if (rename(temporary_.c_str(), path_.c_str()) != 0) return Failed("write", path_, errno);
  Forget(temporary_);
  temporary_.clear();
  return absl::OkStatus();
}

void PreparedFile::AbandonAll() {
  std::lock_guard lock(AllTemporaries().mutex);
  for (const auto& name : AllTemporaries().names) unlink(name.c_str());
  AllTemporaries().names.clear();
}

void SyncFolderOf(const std::string& path) {
  const int folder = open(FolderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  fsync(folder);
  close(folder);
}

absl::Status WriteFileAtomically(const std::string& path, const std::string& content) {
  auto prepared = PreparedFile::Prepare(path, content);
  if (!prepared.ok()) return prepared.status();
  if (auto committed = prepared->Commit(); !committed.ok()) return committed;
  SyncFolderOf(path);
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadSmallFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return absl::NotFoundError(absl::StrCat("There is no ", path, "."));
    return Failed("read", path, errno);
  }
  absl::Cleanup close_file = [file] { close(file); };
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t n = read(file, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed("read", path, errno);
    if (n == 0) return text;
    text.append(buffer, n);
    if (text.size() > kLargest) return absl::InternalError(absl::StrCat(path, " is larger than 1 MiB."));
  }
}

}  // namespace authflow
