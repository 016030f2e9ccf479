// Retention: what was finished long ago is forgotten, a little at a time.
#ifndef AUTHFLOW_SERVER_STORAGE_PRUNE_WRITE_H_
#define AUTHFLOW_SERVER_STORAGE_PRUNE_WRITE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/task.h"
#include "server/storage/storage.h"
#include "server/storage/writer.h"

namespace authflow {

// Where the pass over the tables stands. Rows are in the order of their time, or nearly so: a pass ends at the first
// one that is young. Of the writer's thread; starts over with each process.
struct PruneCursor {
  int64_t log = 0;
  int64_t invocation = 0;
};

// Storage::Prune.
class PruneWrite final : public Write {
 public:
  // `cursor` outlives it.
  PruneWrite(absl::Time before, int limit, PruneCursor* cursor, Done<absl::StatusOr<Pruned>> done)
      : before_(absl::ToUnixMicros(before)), limit_(limit), cursor_(cursor), done_(std::move(done)) {}

  absl::Status Apply(Database& database, int64_t now) override;
  void Finish(const absl::Status& status) override;

 private:
  // True: there is more to look at.
  absl::StatusOr<bool> PruneFlows(Database& database);
  absl::StatusOr<bool> PruneInvocations(Database& database);

  const int64_t before_;
  const int limit_;
  PruneCursor* const cursor_;
  const Done<absl::StatusOr<Pruned>> done_;
  PruneCursor next_;
  Pruned pruned_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_PRUNE_WRITE_H_
