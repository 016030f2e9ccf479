#include "server/delivery/json_lines_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "server/base/log/log.h"

namespace authflow {
namespace {

using Result = Delivery::Result;

// 0, or errno. On an error some of the text may have been written.
int WriteAll(int fd, const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = write(fd, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    done += static_cast<size_t>(count);
  }
  return 0;
}

// A new file is on disk only when its folder is. Best effort: some file systems cannot.
void SyncFolderOf(const std::string& path) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

}  // namespace

bool JsonLinesFile::Open() {
  fd_ = open(path_.c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
  if (fd_ < 0 && errno == ENOENT) {
    fd_ = open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ >= 0) SyncFolderOf(path_);
  }
  if (fd_ < 0) return false;
  if (RemoveTornLine()) return true;
  const int error = errno;
  Close();
  errno = error;
  return false;
}

void JsonLinesFile::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

bool JsonLinesFile::Current() const {
  struct stat ours;
  struct stat named;
  return fd_ >= 0 && fstat(fd_, &ours) == 0 && stat(path_.c_str(), &named) == 0 && ours.st_ino == named.st_ino &&
         ours.st_dev == named.st_dev;
}

bool JsonLinesFile::RemoveTornLine() {
  struct stat ours;
  if (fstat(fd_, &ours) != 0) return false;
  if (!S_ISREG(ours.st_mode)) return true;  // /dev/stdout, a pipe: nothing to mend
  off_t end = ours.st_size;
  std::string block(64 * 1024, '\0');
  while (end > 0) {
    const off_t begin = std::max<off_t>(0, end - static_cast<off_t>(block.size()));
    const ssize_t count = pread(fd_, block.data(), static_cast<size_t>(end - begin), begin);
    if (count != end - begin) return false;
    const size_t line_break = block.rfind('\n', static_cast<size_t>(count) - 1);
    if (line_break != std::string::npos) {
      end = begin + static_cast<off_t>(line_break) + 1;
      break;
    }
    end = begin;
  }
  return end == ours.st_size || ftruncate(fd_, end) == 0;
}

Delivery JsonLinesFile::Failed(const char* what, int error, Result result) {
  Log(LogLevel::kWarning, "event file cannot be written",
      {{"path", path_}, {"reason", what}, {"cause", std::generic_category().message(error)}});
  Delivery delivery;
  delivery.result = result;
  delivery.reason = error == ENOSPC || error == EDQUOT ? "disk_full" : what;
  return delivery;
}

Delivery JsonLinesFile::Append(const std::string& lines) {
  if (!Current()) {
    Close();
    if (!Open()) {
      const int error = errno;
      const bool full = error == ENOSPC || error == EDQUOT;
      return Failed("open_failed", error, full ? Result::kRetry : Result::kOutage);
    }
  }
  const off_t before = lseek(fd_, 0, SEEK_END);
  int error = WriteAll(fd_, lines);
  if (error == 0 && fdatasync(fd_) != 0 && errno != EINVAL && errno != EROFS) error = errno;  // EINVAL: a pipe
  if (error != 0) {
    // Half a batch would be a duplicate, half a line would be worse. After a failed sync nobody knows what is on disk;
    // opened anew, the file shows it.
    if (before >= 0 && ftruncate(fd_, before) != 0) {
      Log(LogLevel::kWarning, "a failed write to the event file cannot be taken back", {{"path", path_}});
    }
    Close();
    return Failed("write_failed", error, Result::kRetry);
  }
  Delivery delivery;
  delivery.result = Result::kDelivered;
  return delivery;
}

}  // namespace authflow
