#include "server/storage/schema.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace authflow {
namespace {

// "afdb": what `file` and we recognise the database by.
constexpr int64_t kApplicationId = 0x61666462;

// Times are microseconds since 1970; ids are 16 bytes. Tables are rowid tables with narrow indexes where rows are wide:
// rows are then written at the end, and only the index is touched in the middle.
constexpr const char* kVersion1 = R"sql(
-- The flows: one row an entry, never changed. kind and payload: entry_codec.h. writer: a random tag of who wrote it.
CREATE TABLE log (
  id INTEGER PRIMARY KEY,
  flow_id BLOB NOT NULL CHECK (length(flow_id) = 16),
  n INTEGER NOT NULL CHECK (n >= 1),
  time INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  payload BLOB NOT NULL,
  writer INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX log_entry ON log (flow_id, n);
-- At most one end a flow. 8: ended.
CREATE UNIQUE INDEX log_end ON log (flow_id) WHERE kind = 8;

-- A row comes with *started* and goes with *ended*: what is asked of live flows costs nothing for finished ones.
CREATE TABLE open_flows (
  flow_id BLOB NOT NULL PRIMARY KEY,
  due_at INTEGER NOT NULL,
  product TEXT NOT NULL,
  kind INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX open_flows_due ON open_flows (due_at);

-- base: authflow.v1.Invocation as first claimed; empty, as user_id, when opted out.
CREATE TABLE invocations (
  id INTEGER PRIMARY KEY,
  product TEXT NOT NULL,
  invocation_id BLOB NOT NULL CHECK (length(invocation_id) = 16),
  base BLOB NOT NULL,
  user_id TEXT NOT NULL,
  last_sequence INTEGER NOT NULL,
  invoked INTEGER NOT NULL,
  completed INTEGER NOT NULL,
  logged_out INTEGER NOT NULL,
  opted_out INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX invocations_key ON invocations (product, invocation_id);

-- Undelivered events, and dead ones with their reason. payload: authflow.v1.FunnelEvent with flow_id and event alone.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  product TEXT NOT NULL,
  lane INTEGER NOT NULL,
  invocation INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  message_id BLOB NOT NULL,
  flow_id BLOB,
  user_id TEXT NOT NULL,
  time INTEGER NOT NULL,
  committed_at INTEGER NOT NULL,
  payload BLOB NOT NULL,
  dead_reason TEXT
) STRICT;
CREATE INDEX outbox_pending ON outbox (product, lane, id) WHERE dead_reason IS NULL;
CREATE INDEX outbox_dead ON outbox (product, flow_id) WHERE dead_reason IS NOT NULL;

-- Lanes that are leased (lease_until not 0) or were put off.
CREATE TABLE lanes (
  product TEXT NOT NULL,
  lane INTEGER NOT NULL,
  holder TEXT NOT NULL,
  lease_until INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  PRIMARY KEY (product, lane)
) STRICT, WITHOUT ROWID;

-- request: fingerprint of the request_id.
CREATE TABLE applications (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  product TEXT NOT NULL,
  owner BLOB NOT NULL,
  request BLOB NOT NULL,
  application_id TEXT NOT NULL,
  name TEXT NOT NULL,
  region TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX applications_owner ON applications (product, owner);
CREATE UNIQUE INDEX applications_request ON applications (product, owner, request);
CREATE UNIQUE INDEX applications_name ON applications (product, owner, name);
CREATE UNIQUE INDEX applications_id ON applications (application_id);
)sql";

constexpr const char* kVersion2 = R"sql(
-- Added to with the entries and events that they count, for all time. name: started, completed, aborted, failed (by kind
-- of flow); pending, dead (events in the outbox; kind 0).
CREATE TABLE totals (
  product TEXT NOT NULL,
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (product, kind, name)
) STRICT, WITHOUT ROWID;
INSERT INTO totals (product, kind, name, value)
  SELECT product, kind, 'started', count(*) FROM open_flows GROUP BY product, kind;
INSERT INTO totals (product, kind, name, value)
  SELECT product, 0, CASE WHEN dead_reason IS NULL THEN 'pending' ELSE 'dead' END, count(*) FROM outbox GROUP BY 1, 3;

-- What retention asks: when an invocation was last written to, and whether anything of it waits in the outbox.
ALTER TABLE invocations ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;
UPDATE invocations SET changed_at = created_at;
CREATE INDEX outbox_invocation ON outbox (invocation);
DROP INDEX outbox_dead;
CREATE INDEX outbox_dead ON outbox (product, id) WHERE dead_reason IS NOT NULL;
)sql";

constexpr const char* kVersion3 = R"sql(
-- Who follows events as they are recorded (follower.h): the last event that it has read, and until when it is believed to
-- live.
CREATE TABLE followers (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  last_event INTEGER NOT NULL,
  alive_until INTEGER NOT NULL
) STRICT;
-- Delivered events that somebody who follows has yet to read; columns as in the outbox, payload without traits.
CREATE TABLE followed (
  id INTEGER PRIMARY KEY,
  product TEXT NOT NULL,
  invocation INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  message_id BLOB NOT NULL,
  user_id TEXT NOT NULL,
  time INTEGER NOT NULL,
  payload BLOB NOT NULL
) STRICT;
)sql";

// The step from version i is kSteps[i].
constexpr const char* kSteps[] = {kVersion1, kVersion2, kVersion3};

absl::StatusOr<int64_t> ReadNumber(Database& database, const char* sql) {
  Query query(database, sql);
  if (query.Next()) return query.GetInt(0);
  if (!query.status().ok()) return query.status();
  return 0;
}

// 0: an empty one.
absl::StatusOr<int64_t> OurVersion(Database& database) {
  const auto version = ReadNumber(database, "PRAGMA user_version");
  if (!version.ok()) return version.status();
  const auto application = ReadNumber(database, "PRAGMA application_id");
  if (!application.ok()) return application.status();
  const auto tables = ReadNumber(database, "SELECT count(*) FROM sqlite_schema");
  if (!tables.ok()) return tables.status();
  if (*tables > 0 && *application != kApplicationId) {
    return absl::FailedPreconditionError("it is not a database of authflowd");
  }
  if (*version > SchemaVersion()) {
    return absl::FailedPreconditionError(absl::StrCat("a newer authflowd made it (schema ", *version,
                                                      "; this one knows up to ", SchemaVersion(),
                                                      "): run that version, or restore the backup made before it"));
  }
  return version;
}

}  // namespace

int SchemaVersion() { return static_cast<int>(std::size(kSteps)); }

absl::Status Migrate(Database& database) {
  const auto version = OurVersion(database);
  if (!version.ok()) return version.status();
  for (int64_t from = *version; from < SchemaVersion(); ++from) {
    const std::string step = absl::StrCat("BEGIN IMMEDIATE;", kSteps[from], "PRAGMA application_id = ", kApplicationId,
                                          "; PRAGMA user_version = ", from + 1, "; COMMIT;");
    const absl::Status status = database.Execute(step.c_str());
    if (!status.ok()) {
      if (database.in_transaction()) (void)database.Execute("ROLLBACK");
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status CheckVersion(Database& database) {
  const auto version = OurVersion(database);
  if (!version.ok()) return version.status();
  if (*version == SchemaVersion()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("an older authflowd made it (schema ", *version,
                                                    "): start the server once, it brings it up to date"));
}

}  // namespace authflow
