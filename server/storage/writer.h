// The one thread that writes: all that is queued goes into one transaction, and each caller is answered after its
// commit.
//
// The queue fills while the disk syncs, so batches grow with the load, and a lone write never waits for company.
#ifndef AUTHFLOW_SERVER_STORAGE_WRITER_H_
#define AUTHFLOW_SERVER_STORAGE_WRITER_H_

#include <compare>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "server/base/clock.h"
#include "server/base/uuid.h"
#include "server/storage/checkpointer.h"
#include "server/storage/sqlite.h"
#include "server/storage/storage.h"

namespace authflow {

// One caller's change of the database.
class Write {
 public:
  // A batch is sorted by it: neighbours in the index are written together.
  struct Key {
    FlowId flow_id;
    int64_t number = 0;
    InvocationId invocation_id;
    auto operator<=>(const Key&) const = default;
  };

  virtual ~Write() = default;
  virtual Key key() const { return {}; }
  // Inside of a transaction, on the writer's thread. It may run again after a rollback. `now`: microseconds since 1970.
  virtual absl::Status Apply(Database& database, int64_t now) = 0;
  // After a COMMIT that failed: is this write in the database? nullopt: nothing tells.
  virtual std::optional<bool> Happened(Database&) { return std::nullopt; }
  // Once, outside of the transaction. OK: it is on disk. Else a refusal: nothing was written.
  virtual void Finish(const absl::Status& status) = 0;
  // The product whose outbox grew; null: none.
  virtual const std::string* grown() const { return nullptr; }
};

// Thread-safe.
class Writer {
 public:
  struct Options {
    size_t max_batch = 1024;
    size_t max_queue = 65536;
    // For tests: what COMMIT said becomes what this says.
    std::function<int(int)> commit_answer;
  };

  // `clock` and `observer` (may be null) outlive it.
  Writer(std::unique_ptr<Database> database, std::unique_ptr<Checkpointer> checkpointer, const Clock& clock,
         StorageObserver* observer, Options options);
  // Finishes what is queued.
  ~Writer();

  // Never blocks on the disk. A full queue refuses the write with STORE_UNAVAILABLE.
  void Submit(std::unique_ptr<Write> write);
  void OnAdded(std::function<void(const std::string& product)> wake);

 private:
  struct Item {
    std::unique_ptr<Write> write;
    Write::Key key;
    absl::Status status;  // of this write alone
  };
  using Batch = std::vector<Item>;

  void Work();
  Batch Take();
  void Process(Batch& batch);
  // Both leave no transaction behind when they fail.
  absl::Status Attempt(Batch& batch);
  absl::Status ApplyOneByOne(Batch& batch, int64_t now);
  absl::Status Commit();
  void Rollback();
  bool Happened(Batch& batch);
  void Wake(const Batch& batch);

  const std::unique_ptr<Database> database_;
  const std::unique_ptr<Checkpointer> checkpointer_;
  const Clock& clock_;
  StorageObserver* const observer_;
  const Options options_;

  absl::Mutex mutex_;
  std::vector<std::unique_ptr<Write>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::function<void(const std::string&)>> wakes_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_WRITER_H_
