#include "server/storage/checkpointer.h"

#include <utility>

#include "server/base/thread_name.h"

namespace authflow {
namespace {

// Passive: waits for nobody, moves what it can.
void Checkpoint(Database& database) {
  sqlite3_wal_checkpoint_v2(database.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

}  // namespace

Checkpointer::Checkpointer(Database& writer, std::unique_ptr<Database> own, int pages)
    : own_(std::move(own)), enough_(pages), next_(pages), thread_([this] { Work(); }) {
  sqlite3_wal_hook(writer.handle(), &Checkpointer::OnWal, this);
}

Checkpointer::~Checkpointer() {
  {
    absl::MutexLock lock(&mutex_);
    state_ = State::kStopped;
  }
  thread_.join();
}

int Checkpointer::OnWal(void* self, sqlite3*, const char*, int pages) {
  static_cast<Checkpointer*>(self)->pages_ = pages;
  return SQLITE_OK;
}

void Checkpointer::AfterCommit(Database& writer) {
  if (pages_ < enough_) {
    next_ = enough_;  // the log started over
    return;
  }
  {
    absl::MutexLock lock(&mutex_);
    if (state_ == State::kIdle && pages_ >= next_) {
      state_ = State::kAsked;
      // A reader may hold the log back: not again before it has grown.
      next_ = pages_ + enough_ / 4;
    }
    if (state_ != State::kMoved) return;
    state_ = State::kIdle;
  }
  Checkpoint(writer);
}

void Checkpointer::Work() {
  const ThreadName name("checkpointer");
  absl::MutexLock lock(&mutex_);
  const auto wanted = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return state_ == State::kAsked || state_ == State::kStopped;
  };
  while (true) {
    mutex_.Await(absl::Condition(&wanted));
    if (state_ == State::kStopped) return;
    mutex_.Unlock();
    Checkpoint(*own_);
    mutex_.Lock();
    if (state_ == State::kAsked) state_ = State::kMoved;
  }
}

}  // namespace authflow
