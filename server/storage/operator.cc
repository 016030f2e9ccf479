#include "server/storage/operator.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/events/segment.h"
#include "server/storage/folder.h"
#include "server/storage/funnel_codec.h"
#include "server/storage/reads.h"
#include "server/storage/schema.h"
#include "server/storage/sqlite.h"
#include "server/storage/storage.h"
#include "server/storage/totals.h"

namespace authflow {
namespace {

constexpr char kSelectDead[] =
    "SELECT outbox.id, outbox.product, outbox.dead_reason, outbox.message_id, outbox.flow_id, "
    "invocations.invocation_id, outbox.time, outbox.payload "
    "FROM outbox JOIN invocations ON invocations.id = outbox.invocation "
    "WHERE outbox.dead_reason IS NOT NULL AND (?1 = '' OR outbox.product = ?1) ORDER BY outbox.id LIMIT ?2";
constexpr char kCountDead[] =
    "SELECT product, count(*) FROM outbox WHERE dead_reason IS NOT NULL AND (?1 = '' OR product = ?1) "
    "AND (?2 = 0 OR id = ?2 OR flow_id = (SELECT flow_id FROM outbox WHERE id = ?2 AND dead_reason IS NOT NULL)) "
    "GROUP BY product";
constexpr char kRevive[] =
    "UPDATE outbox SET dead_reason = NULL WHERE dead_reason IS NOT NULL AND (?1 = '' OR product = ?1) "
    "AND (?2 = 0 OR id = ?2 OR flow_id = (SELECT flow_id FROM outbox WHERE id = ?2 AND dead_reason IS NOT NULL))";
constexpr char kCountContent[] =
    "SELECT (SELECT count(*) FROM open_flows), "
    "(SELECT coalesce(sum(value), 0) FROM totals WHERE kind = 0 AND name = 'pending'), "
    "(SELECT coalesce(sum(value), 0) FROM totals WHERE kind = 0 AND name = 'dead')";

std::string PathOf(const std::string& folder) { return folder + "/authflow.db"; }

absl::Status Wrong(const std::string& what, const std::string& path, int error) {
  return absl::FailedPreconditionError(absl::StrCat(what, " ", path, ": ", strerror(error)));
}

bool Exists(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

absl::StatusOr<BackupContent> ContentOf(Database& database) {
  Query query(database, kCountContent);
  if (!query.Next()) return query.status();
  return BackupContent{.open_flows = query.GetInt(0), .undelivered = query.GetInt(1), .dead = query.GetInt(2)};
}

// Opens a copy, finds it whole, brings it to this version, and counts what is in it.
absl::StatusOr<BackupContent> CheckCopy(const std::string& path) {
  auto copy = Database::Open(path, Database::Use::kWrite);
  if (!copy.ok()) return copy.status();
  {
    Query check(**copy, "PRAGMA quick_check(1)");
    if (!check.Next() || check.GetBytes(0) != "ok") return absl::FailedPreconditionError("it is damaged");
  }
  const absl::Status migrated = Migrate(**copy);
  if (!migrated.ok()) return migrated;
  return ContentOf(**copy);
}

absl::Status Sync(const std::string& path, int flags) {
  const int file = open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) return Wrong("cannot open", path, errno);
  const bool synced = fsync(file) == 0;
  const int error = errno;
  close(file);
  return synced ? absl::OkStatus() : Wrong("cannot sync", path, error);
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

// Makes `path`, which does not exist, by way of a file beside it: a copy is there as a whole or not at all. `copy`
// fills the empty file that it is given.
absl::StatusOr<BackupContent> MakeCopy(const std::string& path,
                                       const std::function<absl::Status(const std::string&)>& copy) {
  const std::string unfinished = path + ".unfinished";
  unlink(unfinished.c_str());
  // Made by us, so that nobody else can read it.
  const int file = open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return Wrong("cannot make", unfinished, errno);
  close(file);
  const absl::Status copied = copy(unfinished);
  absl::StatusOr<BackupContent> content = copied.ok() ? CheckCopy(unfinished) : absl::StatusOr<BackupContent>(copied);
  for (const char* side : {"-wal", "-shm"}) unlink((unfinished + side).c_str());
  if (content.ok()) {
    absl::Status placed = Sync(unfinished, O_RDONLY);
    // link fails where rename would replace.
    if (placed.ok() && link(unfinished.c_str(), path.c_str()) != 0) placed = Wrong("cannot make", path, errno);
    if (placed.ok()) placed = Sync(FolderOf(path), O_RDONLY | O_DIRECTORY);
    if (!placed.ok()) content = placed;
  }
  unlink(unfinished.c_str());
  return content;
}

}  // namespace

absl::StatusOr<std::vector<DeadLetter>> ListDead(const std::string& folder, const std::string& product, int limit) {
  const auto database = OpenDatabase(folder);
  if (!database.ok()) return database.status();
  std::vector<DeadLetter> dead;
  Query query(**database, kSelectDead);
  query.Text(product).Int(limit);
  while (query.Next()) {
    v1::FunnelEvent event;
    event.ParseFromString(query.GetBytes(7));
    dead.push_back({.id = query.GetInt(0),
                    .product = query.GetBytes(1),
                    .reason = query.GetBytes(2),
                    .event = std::string(EventName(event)),
                    .message_id = query.GetId(3).ToString(),
                    .flow_id = query.IsNull(4) ? "" : query.GetId(4).ToString(),
                    .invocation_id = query.GetId(5).ToString(),
                    .time = absl::FromUnixMicros(query.GetInt(6))});
  }
  if (!query.status().ok()) return query.status();
  return dead;
}

absl::StatusOr<int64_t> RetryDead(const std::string& folder, const std::string& product, int64_t id) {
  const auto opened = OpenDatabase(folder);
  if (!opened.ok()) return opened.status();
  Database& database = **opened;
  absl::Status status = database.Execute("BEGIN IMMEDIATE");
  if (!status.ok()) return status;
  std::vector<std::pair<std::string, int64_t>> counts;
  {
    Query count(database, kCountDead);
    count.Text(product).Int(id);
    while (count.Next()) counts.emplace_back(count.GetBytes(0), count.GetInt(1));
    status = count.status();
  }
  if (status.ok()) status = Query(database, kRevive).Text(product).Int(id).Run();
  int64_t revived = 0;
  for (const auto& [name, count] : counts) {
    if (status.ok()) status = AddToTotal(database, name, v1::FLOW_KIND_UNSPECIFIED, kTotalDead, -count);
    if (status.ok()) status = AddToTotal(database, name, v1::FLOW_KIND_UNSPECIFIED, kTotalPending, count);
    revived += count;
  }
  if (status.ok()) status = database.Execute("COMMIT");
  if (!status.ok()) return status;
  if (id != 0 && revived == 0) return absl::NotFoundError(absl::StrCat("no dead event has the id ", id));
  return revived;
}

absl::StatusOr<std::vector<Entry>> ReadFlow(const std::string& folder, const FlowId& flow_id) {
  const auto database = OpenDatabase(folder);
  if (!database.ok()) return database.status();
  auto log = ReadLog(**database, flow_id);
  if (log.ok() && log->empty()) return absl::NotFoundError("no such flow: it is unknown here, or was forgotten");
  return log;
}

absl::Status ReadNewestRows(const std::string& folder, const std::function<bool(LogRow)>& visit, int slice) {
  const auto database = OpenDatabase(folder, Database::Use::kRead);
  if (!database.ok()) return database.status();
  for (int64_t before = kNewest;;) {
    auto rows = ReadLogBefore(**database, before, slice);
    if (!rows.ok()) return rows.status();
    for (LogRow& row : *rows) {
      before = row.position;
      if (!visit(std::move(row))) return absl::OkStatus();
    }
    if (rows->size() < static_cast<size_t>(slice)) return absl::OkStatus();
  }
}

absl::StatusOr<BackupContent> BackUp(const std::string& folder, const std::string& to) {
  if (Exists(to)) return absl::AlreadyExistsError(absl::StrCat(to, " exists already; it is left as it is"));
  const auto database = OpenDatabase(folder);
  if (!database.ok()) return database.status();
  return MakeCopy(to, [&](const std::string& file) {
    Query copy(**database, "VACUUM INTO ?");
    return copy.Text(file).Run();
  });
}

absl::StatusOr<BackupContent> RestoreBackup(const std::string& from, const std::string& folder) {
  if (!Exists(from)) return absl::NotFoundError(absl::StrCat("there is no ", from));
  if (absl::Status made = MakeDataFolder(folder); !made.ok()) return made;
  const auto lock = FolderLock::Take(folder);
  if (!lock.ok()) return lock.status();
  for (const char* side : {"", "-wal"}) {
    const std::string path = PathOf(folder) + side;
    if (Exists(path)) {
      return absl::AlreadyExistsError(absl::StrCat("there is ", path, " already: move it out of the way first"));
    }
  }
  auto content = MakeCopy(PathOf(folder), [&](const std::string& file) {
    std::error_code error;
    std::filesystem::copy_file(from, file, std::filesystem::copy_options::overwrite_existing, error);
    return error ? absl::FailedPreconditionError(error.message()) : absl::OkStatus();
  });
  if (content.ok()) return content;
  return absl::FailedPreconditionError(
      absl::StrCat("cannot restore from ", from, ": ", std::string(content.status().message())));
}

}  // namespace authflow
