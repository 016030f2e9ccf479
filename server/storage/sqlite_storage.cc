#include "server/storage/sqlite_storage.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/error_class.h"
#include "server/storage/application_writes.h"
#include "server/storage/folder.h"
#include "server/storage/funnel_writes.h"
#include "server/storage/outbox_writes.h"
#include "server/storage/prune_write.h"
#include "server/storage/readers.h"
#include "server/storage/reads.h"
#include "server/storage/schema.h"

namespace authflow {
namespace {

// Each method hands its work to the writer or the readers, and is resumed with the answer.
class SqliteStorage final : public Storage,
                            public FlowStore,
                            public InvocationStore,
                            public Outbox,
                            public ApplicationStore {
 public:
  SqliteStorage(FolderLock lock, std::unique_ptr<Database> writer, std::unique_ptr<Database> checkpoints,
                std::vector<std::unique_ptr<Database>> readers, const Clock& clock, StorageObserver* observer,
                SqliteOptions options)
      : lock_(std::move(lock)), readers_(std::move(readers)) {
    auto checkpointer = std::make_unique<Checkpointer>(*writer, std::move(checkpoints), options.checkpoint_pages);
    writer_ = std::make_unique<Writer>(std::move(writer), std::move(checkpointer), clock, observer, options.writer);
  }

  FlowStore& flows() override { return *this; }
  InvocationStore& invocations() override { return *this; }
  Outbox& outbox() override { return *this; }
  ApplicationStore& applications() override { return *this; }

  Task<absl::StatusOr<Pruned>> Prune(absl::Time before, int limit) override {
    using Answer = absl::StatusOr<Pruned>;
    return Await<Answer>([this, before, limit](Done<Answer> done) {
      writer_->Submit(std::make_unique<PruneWrite>(before, limit, &prune_cursor_, std::move(done)));
    });
  }

  Task<absl::StatusOr<bool>> AppendEntry(Append append) override {
    auto write = std::make_unique<AppendWrite>(append);
    return Await<absl::StatusOr<bool>>([this, write = std::move(write)](Done<absl::StatusOr<bool>> done) mutable {
      write->set_done(std::move(done));
      writer_->Submit(std::move(write));
    });
  }

  Task<absl::StatusOr<std::vector<Entry>>> Load(FlowId flow_id) override {
    return readers_.Read<std::vector<Entry>>([flow_id](Database& database) { return ReadLog(database, flow_id); });
  }

  Task<absl::StatusOr<std::vector<LogRow>>> LoadBefore(int64_t position, int limit) override {
    return readers_.Read<std::vector<LogRow>>(
        [position, limit](Database& database) { return ReadLogBefore(database, position, limit); });
  }

  Task<absl::StatusOr<std::vector<FlowId>>> Due(absl::Time now, int limit) override {
    return readers_.Read<std::vector<FlowId>>(
        [now, limit](Database& database) { return ReadDue(database, now, limit); });
  }

  Task<absl::Status> Postpone(FlowId flow_id, absl::Time due_at) override {
    return Await<absl::Status>([this, flow_id, due_at](Done<absl::Status> done) {
      writer_->Submit(std::make_unique<PostponeWrite>(flow_id, due_at, std::move(done)));
    });
  }

  Task<absl::StatusOr<std::vector<FlowTotals>>> CountFlows() override {
    return readers_.Read<std::vector<FlowTotals>>([](Database& database) { return ReadFlowTotals(database); });
  }

  Task<absl::StatusOr<std::optional<InvocationRow>>> LoadInvocation(std::string product, InvocationId id) override {
    return readers_.Read<std::optional<InvocationRow>>(
        [product = std::move(product), id](Database& database) { return ReadInvocation(database, product, id); });
  }

  Task<absl::StatusOr<bool>> Pass(std::string product, v1::Invocation base, Milestone milestone, Event event) override {
    using Answer = absl::StatusOr<bool>;
    return Await<Answer>([this, product = std::move(product), base = std::move(base), milestone,
                          event = std::move(event)](Done<Answer> done) mutable {
      const auto id = Uuid::Parse(base.invocation_id());
      if (!id) {
        done(Refusal(v1::ERROR_CLASS_INVALID_REQUEST, "invocation.invocation_id is not a UUID."));
        return;
      }
      writer_->Submit(std::make_unique<PassWrite>(std::move(product), *id, base, milestone, event, std::move(done)));
    });
  }

  Task<absl::StatusOr<std::optional<Claim>>> ClaimLane(std::string product, std::string holder, absl::Time now,
                                                       absl::Duration lease, int max_events) override {
    return Await<ClaimWrite::Answer>([this, product = std::move(product), holder = std::move(holder), now, lease,
                                      max_events](Done<ClaimWrite::Answer> done) mutable {
      writer_->Submit(
          std::make_unique<ClaimWrite>(std::move(product), std::move(holder), now, lease, max_events, std::move(done)));
    });
  }

  Task<absl::StatusOr<bool>> Settle(Lane lane, std::string holder, std::vector<int64_t> delivered,
                                    std::vector<DeadEvent> dead, absl::Time not_before) override {
    using Answer = absl::StatusOr<bool>;
    return Await<Answer>([this, lane = std::move(lane), holder = std::move(holder), delivered = std::move(delivered),
                          dead = std::move(dead), not_before](Done<Answer> done) mutable {
      writer_->Submit(std::make_unique<SettleWrite>(std::move(lane), std::move(holder), std::move(delivered),
                                                    std::move(dead), not_before, std::move(done)));
    });
  }

  Task<absl::StatusOr<std::vector<OutboxStats>>> Stats() override {
    return readers_.Read<std::vector<OutboxStats>>([](Database& database) { return ReadOutboxStats(database); });
  }

  void OnAdded(std::function<void(const std::string& product)> wake) override { writer_->OnAdded(std::move(wake)); }

  Task<absl::StatusOr<AddResult>> Add(StoredApplication application) override {
    using Answer = AddApplicationWrite::Answer;
    return Await<Answer>([this, application = std::move(application)](Done<Answer> done) mutable {
      writer_->Submit(std::make_unique<AddApplicationWrite>(std::move(application), std::move(done)));
    });
  }

  Task<absl::StatusOr<std::vector<StoredApplication>>> ListAfter(std::string product, std::string owner, int64_t after,
                                                                 int limit) override {
    return readers_.Read<std::vector<StoredApplication>>(
        [product = std::move(product), owner = std::move(owner), after, limit](Database& database) {
          return ReadApplications(database, product, owner, after, limit);
        });
  }

 private:
  // Destroyed last to first: the queues are finished, the files closed, the folder free.
  const FolderLock lock_;
  Readers readers_;
  PruneCursor prune_cursor_;  // of the writer's thread
  std::unique_ptr<Writer> writer_;
};

// What keeps the server from starting, in one sentence.
absl::Status CannotOpen(const std::string& path, const absl::Status& status) {
  return absl::FailedPreconditionError(
      absl::StrCat("cannot use the database ", path, ": ", std::string(status.message())));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Storage>> OpenSqlite(const std::string& folder, const Clock& clock,
                                                    StorageObserver* observer, SqliteOptions options) {
  auto lock = FolderLock::Take(folder);
  if (!lock.ok()) return lock.status();
  const std::string path = folder + "/authflow.db";
  const absl::Status made = MakePrivateFile(folder, path);
  if (!made.ok()) return made;

  auto writer = Database::Open(path, Database::Use::kWrite);
  if (!writer.ok()) return CannotOpen(path, writer.status());
  const absl::Status migrated = Migrate(**writer);
  if (!migrated.ok()) return CannotOpen(path, migrated);
  // The folder is ours alone: whoever held a lease has died, and its lanes need not wait for the lease to end.
  const absl::Status freed = (*writer)->Execute("UPDATE lanes SET holder = '', lease_until = 0 WHERE lease_until <> 0");
  if (!freed.ok()) return CannotOpen(path, freed);
  auto checkpoints = Database::Open(path, Database::Use::kWrite);
  if (!checkpoints.ok()) return CannotOpen(path, checkpoints.status());
  std::vector<std::unique_ptr<Database>> readers;
  for (int i = 0; i < options.readers; ++i) {
    auto reader = Database::Open(path, Database::Use::kRead);
    if (!reader.ok()) return CannotOpen(path, reader.status());
    readers.push_back(*std::move(reader));
  }
  return std::make_unique<SqliteStorage>(*std::move(lock), *std::move(writer), *std::move(checkpoints),
                                         std::move(readers), clock, observer, std::move(options));
}

absl::StatusOr<std::unique_ptr<Storage>> OpenSqlite(const std::string& folder, const Clock& clock,
                                                    StorageObserver* observer) {
  return OpenSqlite(folder, clock, observer, SqliteOptions{});
}

}  // namespace authflow
