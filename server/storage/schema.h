// The tables, and how an older database becomes a current one.
#ifndef AUTHFLOW_SERVER_STORAGE_SCHEMA_H_
#define AUTHFLOW_SERVER_STORAGE_SCHEMA_H_

#include "absl/status/status.h"
#include "server/storage/sqlite.h"

namespace authflow {

// The version that this server makes and reads (PRAGMA user_version).
int SchemaVersion();

// Brings the database to SchemaVersion(), each step in a transaction of its own. FAILED_PRECONDITION: it is not ours,
// or a newer authflowd made it. Other errors as SqliteError.
absl::Status Migrate(Database& database);
// OK: it is one of ours, of this version. FAILED_PRECONDITION as for Migrate, or that it is older.
absl::Status CheckVersion(Database& database);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_SCHEMA_H_
