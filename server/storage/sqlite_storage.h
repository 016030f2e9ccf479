// OpenSqlite with what only tests set.
#ifndef AUTHFLOW_SERVER_STORAGE_SQLITE_STORAGE_H_
#define AUTHFLOW_SERVER_STORAGE_SQLITE_STORAGE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/storage/checkpointer.h"
#include "server/storage/storage.h"
#include "server/storage/writer.h"

namespace authflow {

struct SqliteOptions {
  Writer::Options writer;
  int checkpoint_pages = Checkpointer::kPages;
  int readers = 2;
};

absl::StatusOr<std::unique_ptr<Storage>> OpenSqlite(const std::string& folder, const Clock& clock,
                                                    StorageObserver* observer, SqliteOptions options);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_SQLITE_STORAGE_H_
