// The data folder: who may use it, and the database's file.
#ifndef AUTHFLOW_SERVER_STORAGE_FOLDER_H_
#define AUTHFLOW_SERVER_STORAGE_FOLDER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/storage/sqlite.h"

namespace authflow {

// Holds an exclusive lock on FOLDER/authflowd.lock while it lives: one server at a time uses a folder. The lock goes
// with the process, however it ends.
class FolderLock {
 public:
  // FAILED_PRECONDITION says what is wrong.
  static absl::StatusOr<FolderLock> Take(const std::string& folder);
  FolderLock(FolderLock&& other) noexcept : file_(other.file_) { other.file_ = -1; }
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int file) : file_(file) {}
  int file_;
};

// Makes the file with mode 0600 when there is none; SQLite's other files inherit its mode. Synced, its name as well.
absl::Status MakePrivateFile(const std::string& folder, const std::string& path);

// The folder's database, which is of this version. NOT_FOUND: there is none. FAILED_PRECONDITION says what is wrong.
absl::StatusOr<std::unique_ptr<Database>> OpenDatabase(const std::string& folder,
                                                       Database::Use use = Database::Use::kWrite);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_FOLDER_H_
