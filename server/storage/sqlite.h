// SQLite as this room uses it: a connection with its prepared statements, and a query on one of them.
#ifndef AUTHFLOW_SERVER_STORAGE_SQLITE_H_
#define AUTHFLOW_SERVER_STORAGE_SQLITE_H_

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/uuid.h"

namespace authflow {

// What went wrong, in a sentence for operators that contains no data.
//   STORE_FULL         no room: the disk, a quota, a limit on file sizes
//   STORE_UNAVAILABLE  locked, read-only, damaged, an I/O error
//   INVALID_ARGUMENT without a class: the values were refused (a constraint); other writes may go on
absl::Status SqliteError(sqlite3* db, int code);
// True for the last of these.
bool RefusesValues(const absl::Status& status);

// One connection. For one thread at a time.
class Database {
 public:
  enum class Use { kWrite, kRead };
  // The file must exist.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path, Use use);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Statements without parameters and results.
  absl::Status Execute(const char* sql);
  sqlite3* handle() const { return db_; }
  bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }
  // Rows that the last INSERT, UPDATE or DELETE changed.
  int64_t changes() const { return sqlite3_changes64(db_); }
  int64_t total_changes() const { return sqlite3_total_changes64(db_); }
  int64_t last_row() const { return sqlite3_last_insert_rowid(db_); }

 private:
  friend class Query;
  explicit Database(sqlite3* db) : db_(db) {}
  // Prepared once for each constant; `code` says what went wrong when it is null.
  sqlite3_stmt* Prepared(const char* sql, int& code);

  sqlite3* const db_;
  absl::flat_hash_map<const char*, sqlite3_stmt*> statements_;
};

// One run of a statement. `sql` is a constant: statements are kept by its address. Bound text and blobs outlive the
// query. One query of a statement at a time.
class Query {
 public:
  Query(Database& database, const char* sql);
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  // Each binds the next parameter.
  Query& Int(int64_t value);
  Query& Text(std::string_view value);
  Query& Blob(std::string_view value);
  Query& Id(const Uuid& value) { return Blob(value.AsBytes()); }
  Query& Null();

  // True: there is a row. False: no more, or an error (see status).
  bool Next();
  // For statements without rows.
  absl::Status Run() {
    Next();
    return status_;
  }
  const absl::Status& status() const { return status_; }

  // Of the current row.
  int64_t GetInt(int column) const { return sqlite3_column_int64(statement_, column); }
  bool IsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::string GetBytes(int column) const;  // text or blob
  Uuid GetId(int column) const;

 private:
  void Check(int code);

  Database& database_;
  sqlite3_stmt* statement_ = nullptr;
  int parameters_ = 0;
  absl::Status status_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_SQLITE_H_
