// THE MEMORY: one database behind all that the server must not forget.
#ifndef AUTHFLOW_SERVER_STORAGE_STORAGE_H_
#define AUTHFLOW_SERVER_STORAGE_STORAGE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/applications/application_store.h"
#include "server/base/clock.h"
#include "server/base/task.h"
#include "server/delivery/outbox.h"
#include "server/flow/flow_store.h"

namespace authflow {

// What the storage tells whoever counts. Thread-safe, quick.
class StorageObserver {
 public:
  virtual ~StorageObserver() = default;
  // One commit of `writes` callers' writes took `latency`; `status` is its result.
  virtual void OnCommit(int writes, absl::Duration latency, const absl::Status& status) = 0;
};

struct Pruned {
  int64_t flows = 0;
  int64_t invocations = 0;
  bool more = false;  // there is more to look at
};

// The interfaces of one database: what is written through one of them is one transaction with what belongs to it.
class Storage {
 public:
  virtual ~Storage() = default;
  virtual FlowStore& flows() = 0;
  virtual InvocationStore& invocations() = 0;
  virtual Outbox& outbox() = 0;
  virtual ApplicationStore& applications() = 0;

  // Retention: forgets flows that ended before `before` and invocations that were last heard of before it, but none
  // with an undelivered or dead event. Looks at `limit` rows of each at most, and goes on there the next time. The
  // memory keeps a number of them, and forgets by itself.
  virtual Task<absl::StatusOr<Pruned>> Prune(absl::Time before, int limit) = 0;
};

// The data folder with those above it, if it is not there. Who may read it is the umask's.
absl::Status MakeDataFolder(const std::string& folder);

// SQLite (WAL, synchronous=FULL) in `folder`/authflow.db, made when absent. FAILED_PRECONDITION says what is wrong: no
// folder, no permission, another server's lock, a database of a newer version, a corrupt file. The destructor finishes
// what is queued, then closes. `observer` and `clock` outlive it; `observer` may be null.
absl::StatusOr<std::unique_ptr<Storage>> OpenSqlite(const std::string& folder, const Clock& clock,
                                                    StorageObserver* observer);

// The same contract in memory, gone with the process: for --dev and for tests.
std::unique_ptr<Storage> NewMemoryStorage(const Clock& clock);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_STORAGE_H_
