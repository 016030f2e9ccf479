// One process at a time (flock). The lock goes with the process, so none is ever left behind.
#ifndef AUTHFLOW_CLIENT_CLI_FILE_LOCK_H_
#define AUTHFLOW_CLIENT_CLI_FILE_LOCK_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace authflow {

class FileLock {
 public:
  // Does not wait. UNAVAILABLE: another process has it. INTERNAL: the file cannot be made.
  static absl::StatusOr<FileLock> Try(const std::string& path);
  FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~FileLock();

 private:
  explicit FileLock(int file) : file_(file) {}
  int file_;
};

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_FILE_LOCK_H_
