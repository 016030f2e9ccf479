#include "server/storage/writer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error_class.h"
#include "server/base/executor.h"
#include "server/base/kill_point.h"
#include "server/base/thread_name.h"

namespace authflow {
namespace {

// What a caller is told about its own write.
absl::Status AsRefusal(const absl::Status& status) {
  if (status.ok() || ClassOf(status) != v1::ERROR_CLASS_UNSPECIFIED) return status;
  return Refusal(v1::ERROR_CLASS_STORE_UNAVAILABLE, std::string(status.message()));
}

}  // namespace

Writer::Writer(std::unique_ptr<Database> database, std::unique_ptr<Checkpointer> checkpointer, const Clock& clock,
               StorageObserver* observer, Options options)
    : database_(std::move(database)),
      checkpointer_(std::move(checkpointer)),
      clock_(clock),
      observer_(observer),
      options_(std::move(options)),
      thread_([this] { Work(); }) {}

Writer::~Writer() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  thread_.join();
}

void Writer::Submit(std::unique_ptr<Write> write) {
  {
    absl::MutexLock lock(&mutex_);
    if (queue_.size() < options_.max_queue) {
      queue_.push_back(std::move(write));
      return;
    }
  }
  write->Finish(
      Refusal(v1::ERROR_CLASS_STORE_UNAVAILABLE, "The server is too busy to record this now. Try again in a moment."));
}

void Writer::OnAdded(std::function<void(const std::string& product)> wake) {
  absl::MutexLock lock(&mutex_);
  wakes_.push_back(std::move(wake));
}

void Writer::Work() {
  const ThreadName name("writer");
  for (Batch batch = Take(); !batch.empty(); batch = Take()) {
    Process(batch);
    checkpointer_->AfterCommit(*database_);
  }
}

// Empty: the end.
Writer::Batch Writer::Take() {
  std::vector<std::unique_ptr<Write>> writes;
  {
    absl::MutexLock lock(&mutex_);
    const auto ready = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stop_ || !queue_.empty(); };
    mutex_.Await(absl::Condition(&ready));
    if (queue_.size() <= options_.max_batch) {
      writes.swap(queue_);
    } else {
      const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(options_.max_batch);
      writes.assign(std::move_iterator(queue_.begin()), std::move_iterator(end));
      queue_.erase(queue_.begin(), end);
    }
  }
  Batch batch;
  batch.reserve(writes.size());
  for (auto& write : writes) {
    const Write::Key key = write->key();
    batch.push_back({.write = std::move(write), .key = key});
  }
  std::stable_sort(batch.begin(), batch.end(), [](const Item& a, const Item& b) { return a.key < b.key; });
  return batch;
}

void Writer::Process(Batch& batch) {
  const absl::Time start = clock_.Now();
  const int64_t changes = database_->total_changes();
  absl::Status status = Attempt(batch);
  // Room does not come back at once; other trouble may have been the moment's.
  if (!status.ok() && ClassOf(status) != v1::ERROR_CLASS_STORE_FULL) status = Attempt(batch);
  const bool changed = database_->total_changes() != changes;
  if (observer_ != nullptr && (changed || !status.ok())) {
    observer_->OnCommit(static_cast<int>(batch.size()), clock_.Now() - start, status);
  }
  if (status.ok()) {
    KillPoint(KillPointName::kAfterCommit);
    Wake(batch);
  }
  const Resumptions together;
  for (Item& item : batch) item.write->Finish(status.ok() ? AsRefusal(item.status) : status);
}

absl::Status Writer::Attempt(Batch& batch) {
  absl::Status status = Query(*database_, "BEGIN IMMEDIATE").Run();
  if (!status.ok()) return status;
  const int64_t now = absl::ToUnixMicros(clock_.Now());
  for (Item& item : batch) {
    item.status = absl::OkStatus();
    status = item.write->Apply(*database_, now);
    if (!status.ok()) break;
  }
  if (!status.ok()) {
    Rollback();
    if (!RefusesValues(status)) return AsRefusal(status);
    status = ApplyOneByOne(batch, now);
    if (!status.ok()) return status;
  }
  KillPoint(KillPointName::kBeforeCommit);
  status = Commit();
  if (status.ok()) return status;
  Rollback();
  // What COMMIT did is unknown until the database says so.
  return Happened(batch) ? absl::OkStatus() : status;
}

// Again, so that the one whose values are refused fails alone.
absl::Status Writer::ApplyOneByOne(Batch& batch, int64_t now) {
  absl::Status status = Query(*database_, "BEGIN IMMEDIATE").Run();
  for (Item& item : batch) {
    if (!status.ok()) break;
    status = database_->Execute("SAVEPOINT one");
    if (!status.ok()) break;
    item.status = item.write->Apply(*database_, now);
    if (!item.status.ok()) {
      // A full disk and the like end the whole transaction.
      if (!RefusesValues(item.status) || !database_->in_transaction()) {
        status = AsRefusal(item.status);
        break;
      }
      status = database_->Execute("ROLLBACK TO one");
      if (!status.ok()) break;
    }
    status = database_->Execute("RELEASE one");
  }
  if (!status.ok()) Rollback();
  return status;
}

absl::Status Writer::Commit() {
  Query commit(*database_, "COMMIT");
  absl::Status status = commit.Run();
  if (options_.commit_answer) {
    const int code = options_.commit_answer(status.ok() ? SQLITE_OK : SQLITE_IOERR);
    if (code != SQLITE_OK) status = SqliteError(nullptr, code);
  }
  return AsRefusal(status);
}

void Writer::Rollback() {
  if (database_->in_transaction()) (void)database_->Execute("ROLLBACK");
}

// A batch is in the database as a whole or not at all: the first write that can tell speaks for all.
bool Writer::Happened(Batch& batch) {
  for (Item& item : batch) {
    if (!item.status.ok()) continue;
    const std::optional<bool> happened = item.write->Happened(*database_);
    if (happened) return *happened;
  }
  return false;
}

void Writer::Wake(const Batch& batch) {
  std::vector<const std::string*> products;
  for (const Item& item : batch) {
    const std::string* const product = item.status.ok() ? item.write->grown() : nullptr;
    const auto same = [&](const std::string* other) { return *other == *product; };
    if (product != nullptr && std::none_of(products.begin(), products.end(), same)) products.push_back(product);
  }
  if (products.empty()) return;
  std::vector<std::function<void(const std::string&)>> wakes;
  {
    absl::MutexLock lock(&mutex_);
    wakes = wakes_;
  }
  for (const std::string* const product : products) {
    for (const auto& wake : wakes) wake(*product);
  }
}

}  // namespace authflow
