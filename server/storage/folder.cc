#include "server/storage/folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "server/storage/schema.h"
#include "server/storage/storage.h"

namespace authflow {
namespace {

absl::Status Wrong(const std::string& what, const std::string& path, int error) {
  return absl::FailedPreconditionError(absl::StrCat(what, " ", path, ": ", strerror(error)));
}

}  // namespace

absl::Status MakeDataFolder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error || std::filesystem::is_directory(folder)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("cannot make the data folder ", folder, ": ", error.message()));
}

absl::StatusOr<FolderLock> FolderLock::Take(const std::string& folder) {
  struct stat info;
  if (stat(folder.c_str(), &info) != 0) return Wrong("cannot use the data folder", folder, errno);
  if (!S_ISDIR(info.st_mode)) return Wrong("cannot use the data folder", folder, ENOTDIR);
  const std::string path = folder + "/authflowd.lock";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return Wrong("cannot open the lock file", path, errno);
  FolderLock lock(file);
  if (flock(file, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return Wrong("cannot lock", path, errno);
  return absl::FailedPreconditionError(absl::StrCat("another authflowd uses the data folder ", folder, " (it holds ",
                                                    path, "): stop it, or give this one a folder of its own"));
}

FolderLock::~FolderLock() {
  if (file_ >= 0) close(file_);
}

absl::Status MakePrivateFile(const std::string& folder, const std::string& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return errno == EEXIST ? absl::OkStatus() : Wrong("cannot make the database", path, errno);
  const bool synced = fsync(file) == 0;
  const int error = errno;
  close(file);
  if (!synced) return Wrong("cannot sync", path, error);
  const int directory = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return Wrong("cannot open the data folder", folder, errno);
  const bool named = fsync(directory) == 0;
  const int folder_error = errno;
  close(directory);
  return named ? absl::OkStatus() : Wrong("cannot sync the data folder", folder, folder_error);
}

absl::StatusOr<std::unique_ptr<Database>> OpenDatabase(const std::string& folder, Database::Use use) {
  const std::string path = folder + "/authflow.db";
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return absl::NotFoundError(absl::StrCat("there is no database ", path));
  auto database = Database::Open(path, use);
  absl::Status usable = database.ok() ? CheckVersion(**database) : database.status();
  if (usable.ok()) return database;
  return absl::FailedPreconditionError(absl::StrCat("cannot use ", path, ": ", std::string(usable.message())));
}

}  // namespace authflow
