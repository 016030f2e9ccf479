#include "server/storage/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "server/base/error_class.h"
#include "server/base/random.h"
#include "server/storage/folder.h"
#include "server/storage/funnel_writes.h"
#include "server/storage/schema.h"

namespace authflow {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::Le;

// Holds the writer's thread until it is let go, so that a test can fill the queue behind it.
class GateWrite final : public Write {
 public:
  GateWrite(absl::Notification& entered, absl::Notification& open) : entered_(entered), open_(open) {}
  absl::Status Apply(Database&, int64_t) override {
    entered_.Notify();
    open_.WaitForNotification();
    return absl::OkStatus();
  }
  void Finish(const absl::Status&) override {}

 private:
  absl::Notification& entered_;
  absl::Notification& open_;
};

// Breaks a constraint after it has changed something.
class PoisonWrite final : public Write {
 public:
  explicit PoisonWrite(Done<absl::Status> done) : done_(std::move(done)) {}
  absl::Status Apply(Database& database, int64_t) override {
    const absl::Status good =
        Query(database,
              "INSERT INTO lanes (product, lane, holder, lease_until, not_before) VALUES ('poison', 1, '', 0, 0)")
            .Run();
    if (!good.ok()) return good;
    return Query(database, "INSERT INTO log (flow_id, n, time, kind, payload, writer) VALUES (x'00', 1, 1, 1, x'', 1)")
        .Run();
  }
  void Finish(const absl::Status& status) override { done_(status); }

 private:
  const Done<absl::Status> done_;
};

class Commits final : public StorageObserver {
 public:
  void OnCommit(int writes, absl::Duration, const absl::Status& status) override {
    absl::MutexLock lock(&mutex_);
    writes_.push_back(writes);
    statuses_.push_back(status);
  }
  std::vector<int> writes() {
    absl::MutexLock lock(&mutex_);
    return writes_;
  }

 private:
  absl::Mutex mutex_;
  std::vector<int> writes_;
  std::vector<absl::Status> statuses_;
};

int64_t Number(Database& database, const char* sql) {
  Query query(database, sql);
  return query.Next() ? query.GetInt(0) : -1;
}

class WriterTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "/writerXXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    path_ = folder_ + "/authflow.db";
    ASSERT_TRUE(MakePrivateFile(folder_, path_).ok());
  }
  void TearDown() override {
    writer_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<Database> Open(Database::Use use) {
    auto database = Database::Open(path_, use);
    EXPECT_TRUE(database.ok()) << database.status();
    return *std::move(database);
  }
  void StartWriter(Writer::Options options = {}, int (*commit_hook)(void*) = nullptr, void* argument = nullptr) {
    auto database = Open(Database::Use::kWrite);
    ASSERT_TRUE(Migrate(*database).ok());
    if (commit_hook != nullptr) sqlite3_commit_hook(database->handle(), commit_hook, argument);
    auto checkpointer = std::make_unique<Checkpointer>(*database, Open(Database::Use::kWrite));
    writer_ = std::make_unique<Writer>(std::move(database), std::move(checkpointer), clock_, &commits_, options);
  }
  int64_t Count(const char* sql) {
    const auto reader = Open(Database::Use::kRead);
    return Number(*reader, sql);
  }

  std::unique_ptr<AppendWrite> MakeAppend(const FlowId& id, int64_t number, Done<absl::StatusOr<bool>> done) {
    Append append;
    append.flow_id = id;
    append.product = "acme";
    append.invocation_id = id;
    append.entry = {.number = number, .time = clock_.Now()};
    if (number == 1) {
      Header header;
      header.id = id;
      append.entry.what = Started{header};
    } else {
      append.entry.what = Attached{};
    }
    auto write = std::make_unique<AppendWrite>(append);
    write->set_done(std::move(done));
    return write;
  }
  absl::StatusOr<bool> Put(const FlowId& id, int64_t number) {
    absl::StatusOr<bool> result = false;
    absl::Notification finished;
    writer_->Submit(MakeAppend(id, number, [&](absl::StatusOr<bool> won) {
      result = std::move(won);
      finished.Notify();
    }));
    finished.WaitForNotification();
    return result;
  }
  static FlowId NewId() { return RandomUuid(absl::FromUnixSeconds(1700000000)); }

  std::string folder_;
  std::string path_;
  FakeClock clock_{absl::FromUnixSeconds(1700000000)};
  Commits commits_;
  std::unique_ptr<Writer> writer_;
};

TEST_F(WriterTest, WhatIsQueuedGoesIntoOneTransaction) {
  StartWriter();
  absl::Notification entered, open;
  writer_->Submit(std::make_unique<GateWrite>(entered, open));
  entered.WaitForNotification();
  absl::BlockingCounter all(100);
  for (int i = 0; i < 100; ++i) {
    writer_->Submit(MakeAppend(NewId(), 1, [&](absl::StatusOr<bool> won) {
      EXPECT_TRUE(won.ok() && *won);
      all.DecrementCount();
    }));
  }
  open.Notify();
  all.Wait();
  EXPECT_THAT(commits_.writes(), ElementsAre(100)) << "and the gate, which changed nothing, is no commit";
}

TEST_F(WriterTest, ABatchIsBounded) {
  StartWriter({.max_batch = 8});
  absl::Notification entered, open;
  writer_->Submit(std::make_unique<GateWrite>(entered, open));
  entered.WaitForNotification();
  absl::BlockingCounter all(20);
  for (int i = 0; i < 20; ++i) {
    writer_->Submit(MakeAppend(NewId(), 1, [&](absl::StatusOr<bool>) { all.DecrementCount(); }));
  }
  open.Notify();
  all.Wait();
  EXPECT_THAT(commits_.writes(), ElementsAre(8, 8, 4));
}

TEST_F(WriterTest, EntriesOfOneFlowInOneBatchAreWrittenInOrder) {
  StartWriter();
  absl::Notification entered, open;
  writer_->Submit(std::make_unique<GateWrite>(entered, open));
  entered.WaitForNotification();
  const FlowId id = NewId();
  absl::BlockingCounter all(5);
  for (const int64_t number : {5, 3, 1, 4, 2}) {
    writer_->Submit(MakeAppend(id, number, [&](absl::StatusOr<bool> won) {
      EXPECT_TRUE(won.ok() && *won);
      all.DecrementCount();
    }));
  }
  open.Notify();
  all.Wait();
}

TEST_F(WriterTest, AWriteWhoseValuesAreRefusedFailsAlone) {
  StartWriter();
  absl::Notification entered, open;
  writer_->Submit(std::make_unique<GateWrite>(entered, open));
  entered.WaitForNotification();
  absl::BlockingCounter all(11);
  absl::Status poisoned;
  for (int i = 0; i < 10; ++i) {
    if (i == 5) {
      writer_->Submit(std::make_unique<PoisonWrite>([&](absl::Status status) {
        poisoned = status;
        all.DecrementCount();
      }));
    }
    writer_->Submit(MakeAppend(NewId(), 1, [&](absl::StatusOr<bool> won) {
      EXPECT_TRUE(won.ok() && *won) << won.status();
      all.DecrementCount();
    }));
  }
  open.Notify();
  all.Wait();
  EXPECT_EQ(ClassOf(poisoned), v1::ERROR_CLASS_STORE_UNAVAILABLE);
  EXPECT_EQ(Count("SELECT count(*) FROM log"), 10);
  EXPECT_EQ(Count("SELECT count(*) FROM lanes"), 0) << "nothing of the refused write stays";
  EXPECT_THAT(commits_.writes(), ElementsAre(11)) << "all others are still one commit";
}

TEST_F(WriterTest, AFullQueueRefuses) {
  StartWriter({.max_queue = 2});
  absl::Notification entered, open;
  writer_->Submit(std::make_unique<GateWrite>(entered, open));
  entered.WaitForNotification();
  absl::BlockingCounter all(2);
  for (int i = 0; i < 2; ++i) {
    writer_->Submit(MakeAppend(NewId(), 1, [&](absl::StatusOr<bool> won) {
      EXPECT_TRUE(won.ok());
      all.DecrementCount();
    }));
  }
  EXPECT_EQ(ClassOf(Put(NewId(), 1).status()), v1::ERROR_CLASS_STORE_UNAVAILABLE);
  open.Notify();
  all.Wait();
}

TEST_F(WriterTest, TheDestructorFinishesWhatIsQueued) {
  StartWriter();
  absl::Notification entered, open;
  writer_->Submit(std::make_unique<GateWrite>(entered, open));
  entered.WaitForNotification();
  int won_count = 0;
  for (int i = 0; i < 50; ++i) {
    writer_->Submit(MakeAppend(NewId(), 1, [&](absl::StatusOr<bool> won) { won_count += won.ok() && *won; }));
  }
  open.Notify();
  writer_.reset();
  EXPECT_EQ(won_count, 50);
}

TEST_F(WriterTest, ACommitThatSaysErrorAndHappenedIsAWin) {
  int lies = 1;
  StartWriter({.commit_answer = [&](int code) { return lies-- > 0 ? SQLITE_IOERR_FSYNC : code; }});
  const FlowId id = NewId();
  const auto won = Put(id, 1);
  ASSERT_TRUE(won.ok()) << won.status();
  EXPECT_TRUE(*won) << "the entry carries our own tag";
  EXPECT_FALSE(*Put(id, 1));
  EXPECT_EQ(Count("SELECT count(*) FROM log"), 1);
}

TEST_F(WriterTest, ACommitThatSaysErrorAndDidNotHappenIsTriedOnceMore) {
  int failures = 1;
  StartWriter(
      {}, [](void* left) { return (*static_cast<int*>(left))-- > 0 ? 1 : 0; }, &failures);
  const auto won = Put(NewId(), 1);
  ASSERT_TRUE(won.ok()) << won.status();
  EXPECT_TRUE(*won);
  EXPECT_EQ(Count("SELECT count(*) FROM log"), 1);
}

TEST_F(WriterTest, ACommitThatFailsTwiceIsUnavailableAndWritesNothing) {
  int failures = 2;
  StartWriter(
      {}, [](void* left) { return (*static_cast<int*>(left))-- > 0 ? 1 : 0; }, &failures);
  const FlowId id = NewId();
  EXPECT_EQ(ClassOf(Put(id, 1).status()), v1::ERROR_CLASS_STORE_UNAVAILABLE);
  EXPECT_EQ(Count("SELECT count(*) FROM log"), 0);
  EXPECT_TRUE(*Put(id, 1)) << "the next batch works";
}

TEST_F(WriterTest, AStepIsOneRowAndNothingElse) {
  StartWriter();
  const FlowId id = NewId();
  ASSERT_TRUE(*Put(id, 1));
  writer_.reset();
  const auto database = Open(Database::Use::kWrite);
  const int64_t before = database->total_changes();
  const auto step = MakeAppend(id, 2, nullptr);
  ASSERT_TRUE(step->Apply(*database, 0).ok());
  EXPECT_EQ(database->total_changes() - before, 1);
}

TEST_F(WriterTest, WhatIsAskedOfLiveThingsUsesAnIndex) {
  StartWriter();
  writer_.reset();
  const auto database = Open(Database::Use::kRead);
  for (const char* sql :
       {"EXPLAIN QUERY PLAN SELECT flow_id FROM open_flows WHERE due_at <= 1 ORDER BY due_at, flow_id LIMIT 1",
        "EXPLAIN QUERY PLAN SELECT id FROM outbox WHERE product = 'a' AND lane = 1 AND dead_reason IS NULL ORDER BY id "
        "LIMIT 1",
        "EXPLAIN QUERY PLAN SELECT lane FROM outbox WHERE product = 'a' AND dead_reason IS NULL ORDER BY lane LIMIT 1",
        "EXPLAIN QUERY PLAN SELECT id FROM outbox WHERE product = 'a' AND flow_id = x'00' AND dead_reason IS NOT NULL",
        "EXPLAIN QUERY PLAN SELECT position FROM applications WHERE product = 'a' AND owner = x'00' AND position > 1 "
        "ORDER BY position LIMIT 1"}) {
    Query plan(*database, sql);
    int rows = 0;
    while (plan.Next()) {
      ++rows;
      const std::string detail = plan.GetBytes(3);
      EXPECT_THAT(detail, testing::StartsWith("SEARCH")) << sql;
    }
    EXPECT_EQ(rows, 1) << "no sorting: " << sql;
  }
}

}  // namespace
}  // namespace authflow
