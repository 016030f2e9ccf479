// Moves the write-ahead log into the database, on a thread and a connection of its own, so that commits do not wait for
// it.
#ifndef AUTHFLOW_SERVER_STORAGE_CHECKPOINTER_H_
#define AUTHFLOW_SERVER_STORAGE_CHECKPOINTER_H_

#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/storage/sqlite.h"

namespace authflow {

// The log starts over only when all of it has moved, and a busy writer is always a little ahead: therefore, when this
// thread is done, the writer moves the rest itself, which is short. AfterCommit is for the writer's thread.
class Checkpointer {
 public:
  // Pages in the log that are worth the work: 40 MB.
  static constexpr int kPages = 10000;

  // `writer` is the writer's connection: its commits are watched from now on. `own` is another one.
  Checkpointer(Database& writer, std::unique_ptr<Database> own, int pages = kPages);
  ~Checkpointer();

  void AfterCommit(Database& writer);

 private:
  enum class State { kIdle, kAsked, kMoved, kStopped };
  static int OnWal(void* self, sqlite3* db, const char* name, int pages);
  void Work();

  const std::unique_ptr<Database> own_;
  const int enough_;
  int pages_ = 0;  // in the log, as of the last commit; the writer's thread alone
  int next_ = 0;   // ask when it has this many; the writer's thread alone
  absl::Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kIdle;
  std::thread thread_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_CHECKPOINTER_H_
