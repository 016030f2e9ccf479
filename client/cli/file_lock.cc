#include "client/cli/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "client/cli/atomic_file.h"

namespace authflow {

absl::StatusOr<FileLock> FileLock::Try(const std::string& path) {
  if (auto folder = MakeFolder(path.substr(0, path.rfind('/'))); !folder.ok()) return folder;
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return absl::InternalError(absl::StrCat("Cannot open ", path, ": ", std::strerror(errno), "."));
  FileLock lock(file);
  if (flock(file, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) return absl::UnavailableError("Another authflow command is using this login.");
  return absl::InternalError(absl::StrCat("Cannot lock ", path, ": ", std::strerror(errno), "."));
}

FileLock::~FileLock() {
  if (file_ >= 0) close(file_);
}

}  // namespace authflow
