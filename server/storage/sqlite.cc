#include "server/storage/sqlite.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "server/base/error_class.h"

namespace authflow {
namespace {

// The errno behind an I/O error. SQLite reports a full disk as such, but a quota or a limit on file sizes only here:
// commits write to the log, and its file remembers.
int SystemError(sqlite3* db, int code) {
  if (db == nullptr) return 0;
  if (code == SQLITE_IOERR_WRITE) {
    sqlite3_file* log = nullptr;
    int error = 0;
    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK && log != nullptr &&
        log->pMethods != nullptr && log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error) == SQLITE_OK &&
        error != 0) {
      return error;
    }
  }
  return sqlite3_system_errno(db);
}

absl::Status Full(const std::string& cause) {
  return Refusal(v1::ERROR_CLASS_STORE_FULL, absl::StrCat("The server's disk is full, and nothing was recorded (",
                                                          cause, "). Its operator must make room."));
}

constexpr char kTryAgain[] = "Try again in a moment.";
constexpr char kOperator[] = "Its operator must see to it.";

// `what` completes "The server's database ... ".
absl::Status Unavailable(const char* what, const std::string& cause, const char* advice) {
  return Refusal(v1::ERROR_CLASS_STORE_UNAVAILABLE,
                 absl::StrCat("The server's database ", what, " (", cause, "). ", advice));
}

}  // namespace

absl::Status SqliteError(sqlite3* db, int code) {
  // The result's fixed text: sqlite3_errmsg can quote the statement.
  const std::string cause = absl::StrCat(sqlite3_errstr(code), ", SQLite ", code);
  const int system = SystemError(db, code);
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
      return absl::InvalidArgumentError(absl::StrCat("The store refused the values (", cause, ")."));
    case SQLITE_FULL:
      return Full(cause);
    case SQLITE_IOERR:
      if (system == ENOSPC || system == EDQUOT || system == EFBIG) return Full(cause);
      return Unavailable("cannot use its disk", absl::StrCat(cause, ", errno ", system), kOperator);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Unavailable("is damaged", cause, kOperator);
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Unavailable("may not be written", cause, kOperator);
    default:
      return Unavailable("cannot be used now", cause, kTryAgain);
  }
}

bool RefusesValues(const absl::Status& status) {
  return status.code() == absl::StatusCode::kInvalidArgument && ClassOf(status) == v1::ERROR_CLASS_UNSPECIFIED;
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path, Use use) {
  // SQLite would count each piece of memory under a lock of the whole process, for statistics that nobody reads.
  [[maybe_unused]] static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  sqlite3* handle = nullptr;
  // Each connection belongs to one thread: no mutex of SQLite's. Readers too need to write the shared memory of the
  // WAL.
  const int code = sqlite3_open_v2(path.c_str(), &handle,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code != SQLITE_OK) {
    const absl::Status status = SqliteError(handle, code);
    sqlite3_close(handle);
    return status;
  }
  std::unique_ptr<Database> database(new Database(handle));
  sqlite3_busy_timeout(handle, 2000);
  // Caches are bounded, so that a large database costs no more memory than a small one: 8 MB for a connection that
  // writes, 2 MB for a reader. After a checkpoint the WAL keeps at most 64 MB.
  const char* const settings = use == Use::kWrite ? "PRAGMA trusted_schema = OFF;"
                                                    "PRAGMA foreign_keys = OFF;"
                                                    "PRAGMA journal_mode = WAL;"
                                                    "PRAGMA synchronous = FULL;"
                                                    "PRAGMA wal_autocheckpoint = 0;"
                                                    "PRAGMA journal_size_limit = 67108864;"
                                                    "PRAGMA cache_size = -8192;"
                                                    "PRAGMA temp_store = MEMORY;"
                                                  : "PRAGMA trusted_schema = OFF;"
                                                    "PRAGMA query_only = ON;"
                                                    "PRAGMA cache_size = -2048;"
                                                    "PRAGMA temp_store = MEMORY;";
  const absl::Status status = database->Execute(settings);
  if (!status.ok()) return status;
  return database;
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(db_);
}

absl::Status Database::Execute(const char* sql) {
  const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : SqliteError(db_, code);
}

sqlite3_stmt* Database::Prepared(const char* sql, int& code) {
  const auto it = statements_.find(sql);
  if (it != statements_.end()) return it->second;
  sqlite3_stmt* statement = nullptr;
  code = sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code == SQLITE_OK) statements_.emplace(sql, statement);
  return statement;
}

Query::Query(Database& database, const char* sql) : database_(database) {
  int code = SQLITE_OK;
  statement_ = database.Prepared(sql, code);
  Check(code);
}

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  if (parameters_ > 0) sqlite3_clear_bindings(statement_);
}

Query& Query::Int(int64_t value) {
  if (status_.ok()) Check(sqlite3_bind_int64(statement_, ++parameters_, value));
  return *this;
}

Query& Query::Text(std::string_view value) {
  const char* const data = value.data() == nullptr ? "" : value.data();  // null would be NULL
  if (status_.ok()) {
    Check(sqlite3_bind_text64(statement_, ++parameters_, data, value.size(), SQLITE_STATIC, SQLITE_UTF8));
  }
  return *this;
}

Query& Query::Blob(std::string_view value) {
  const char* const data = value.data() == nullptr ? "" : value.data();
  if (status_.ok()) Check(sqlite3_bind_blob64(statement_, ++parameters_, data, value.size(), SQLITE_STATIC));
  return *this;
}

Query& Query::Null() {
  if (status_.ok()) Check(sqlite3_bind_null(statement_, ++parameters_));
  return *this;
}

bool Query::Next() {
  if (!status_.ok()) return false;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) Check(code);
  return false;
}

std::string Query::GetBytes(int column) const {
  const void* const data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return size == 0 ? std::string() : std::string(static_cast<const char*>(data), static_cast<size_t>(size));
}

Uuid Query::GetId(int column) const { return Uuid::FromBytes(GetBytes(column)).value_or(Uuid()); }

void Query::Check(int code) {
  if (code != SQLITE_OK) status_ = SqliteError(database_.handle(), code);
}

}  // namespace authflow
