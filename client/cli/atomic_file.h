// Small files that are either the old or the new, whatever happens in between.
#ifndef AUTHFLOW_CLIENT_CLI_ATOMIC_FILE_H_
#define AUTHFLOW_CLIENT_CLI_ATOMIC_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace authflow {

// A new content that is on the disk beside its place and not yet in it. Goes away with the object unless committed.
class PreparedFile {
 public:
  // Makes missing folders (mode 0700), writes and syncs a temporary file of mode 0600 in the folder of `path`.
  // INTERNAL names what failed.
  static absl::StatusOr<PreparedFile> Prepare(const std::string& path, const std::string& content);
  PreparedFile(PreparedFile&& other) noexcept;
  PreparedFile& operator=(PreparedFile&& other) noexcept;
  ~PreparedFile();

  // Puts it in place (rename), without waiting for the disk. INTERNAL: the old file is untouched.
  absl::Status Commit();

  // Deletes what is prepared and not committed, for a process that ends without destructors. Thread-safe.
  static void AbandonAll();

 private:
  PreparedFile(std::string path, std::string temporary) : path_(std::move(path)), temporary_(std::move(temporary)) {}
  std::string path_;
  std::string temporary_;  // empty: committed
};

// INTERNAL says why a file could not be made there. Makes missing folders, and waits for no disk.
absl::Status CheckWritable(const std::string& path);

// Waits until a committed file would survive a loss of power. A file system that cannot say is no reason to fail.
void SyncFolderOf(const std::string& path);

// Prepare, Commit and SyncFolderOf.
absl::Status WriteFileAtomically(const std::string& path, const std::string& content);

// NOT_FOUND if there is none; INTERNAL if it cannot be read or is larger than 1 MiB.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path);

// Makes the folder and what is above it (mode 0700).
absl::Status MakeFolder(const std::string& path);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_ATOMIC_FILE_H_
