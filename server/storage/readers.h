// Reads on threads and connections of their own: they never wait for a commit, and nobody's executor waits for them.
#ifndef AUTHFLOW_SERVER_STORAGE_READERS_H_
#define AUTHFLOW_SERVER_STORAGE_READERS_H_

#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/base/error_class.h"
#include "server/base/task.h"
#include "server/storage/sqlite.h"

namespace authflow {

// Thread-safe.
class Readers {
 public:
  static constexpr size_t kMaxQueue = 16384;

  // One thread for each connection.
  explicit Readers(std::vector<std::unique_ptr<Database>> connections);
  // Finishes what is queued.
  ~Readers();

  // Runs `query` on one of the threads. STORE_UNAVAILABLE when too many wait.
  template <typename T>
  Task<absl::StatusOr<T>> Read(std::function<absl::StatusOr<T>(Database&)> query) {
    return Await<absl::StatusOr<T>>([this, query = std::move(query)](Done<absl::StatusOr<T>> done) mutable {
      const bool queued = Submit([query = std::move(query), done](Database& database) { done(query(database)); });
      if (!queued) done(TooMany());
    });
  }

 private:
  using Job = std::function<void(Database&)>;
  static absl::Status TooMany() {
    return Refusal(v1::ERROR_CLASS_STORE_UNAVAILABLE,
                   "The server is too busy to read this now. Try again in a moment.");
  }
  bool Submit(Job job);
  void Work(Database& database);

  const std::vector<std::unique_ptr<Database>> connections_;
  absl::Mutex mutex_;
  std::deque<Job> queue_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_READERS_H_
