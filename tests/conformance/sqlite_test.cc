// What only a disk can do wrong.
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "server/storage/schema.h"
#include "server/storage/sqlite_storage.h"
#include "tests/conformance/store_test.h"

extern char** environ;

namespace authflow {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class SqliteTest : public StoreTest {
 protected:
  // Closes what is open and opens it again.
  void Reopen(SqliteOptions options = {}) {
    storage_.reset();
    auto opened = OpenSqlite(folder_.path(), clock_, nullptr, std::move(options));
    ASSERT_TRUE(opened.ok()) << opened.status();
    storage_ = *std::move(opened);
  }
  std::string Path() const { return folder_.path() + "/authflow.db"; }
  void Execute(const std::string& path, const char* sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(db);
  }
  std::string Refusal(const std::string& folder) {
    const auto opened = OpenSqlite(folder, clock_, nullptr);
    EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition) << opened.status();
    return std::string(opened.status().message());
  }
};
INSTANTIATE_TEST_SUITE_P(All, SqliteTest, testing::Values(StorageKinds()[1]), StorageName);

TEST_P(SqliteTest, EverythingSurvivesAReopening) {
  const TestFlow flow;
  Start(flow);
  ASSERT_TRUE(Invoke(BaseOf(flow.invocation)));
  const auto claim = *ClaimOne("me", 1);
  ASSERT_TRUE(Settle(claim, {claim.events[0].id}));
  StoredApplication application;
  application.product = kProduct;
  application.owner = "o";
  application.application.id = "app_1";
  application.application.name = "shop";
  ASSERT_TRUE(Wait(storage_->applications().Add(application)).ok());

  Reopen();
  EXPECT_THAT(Log(flow.id), SizeIs(1));
  EXPECT_THAT(*Wait(flows().Due(now() + absl::Hours(1), 10)), testing::ElementsAre(flow.id));
  EXPECT_TRUE((*Wait(invocations().LoadInvocation(kProduct, flow.invocation)))->invoked);
  EXPECT_THAT(*Wait(storage_->applications().ListAfter(kProduct, "o", 0, 10)), SizeIs(1));
  ASSERT_TRUE(Add(EndOf(flow, 2)));
  const auto events = Drain();
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_TRUE(events[0].has_command_invoked());
  EXPECT_EQ(events[1].sequence(), 3) << "numbers go on where they were";
}

TEST_P(SqliteTest, ALeaseEndsWithItsServer) {
  Start(TestFlow());
  ASSERT_NE(ClaimOne("before the crash"), std::nullopt);
  Reopen();
  EXPECT_NE(ClaimOne("after"), std::nullopt) << "the folder is locked: nobody else can hold it";
}

TEST_P(SqliteTest, TheFilesAreTheirOwnersAlone) {
  Start(TestFlow());
  for (const char* file : {"/authflow.db", "/authflow.db-wal", "/authflow.db-shm", "/authflowd.lock"}) {
    struct stat info;
    ASSERT_EQ(stat((folder_.path() + file).c_str(), &info), 0) << file;
    EXPECT_EQ(info.st_mode & 0777, 0600u) << file;
  }
}

TEST_P(SqliteTest, ASecondServerOnTheFolderIsRefused) {
  EXPECT_THAT(Refusal(folder_.path()), AllOf(HasSubstr("another authflowd"), HasSubstr(folder_.path())));
  Reopen();
}

TEST_P(SqliteTest, AFolderThatIsNoneIsRefused) {
  EXPECT_THAT(Refusal(folder_.path() + "/none"), HasSubstr("No such file or directory"));
  EXPECT_THAT(Refusal(Path()), HasSubstr("Not a directory"));
}

TEST_P(SqliteTest, ANewerDatabaseIsRefused) {
  storage_.reset();
  Execute(Path(), "PRAGMA user_version = 99");
  EXPECT_THAT(Refusal(folder_.path()), AllOf(HasSubstr(Path()), HasSubstr("newer authflowd"), HasSubstr("schema 99")));
}

TEST_P(SqliteTest, ADatabaseOfAnotherProgramIsRefused) {
  const TempFolder other;
  Execute(other.path() + "/authflow.db", "CREATE TABLE theirs (a)");
  EXPECT_THAT(Refusal(other.path()), HasSubstr("not a database of authflowd"));
}

TEST_P(SqliteTest, ACorruptFileIsRefused) {
  storage_.reset();
  std::fstream(Path(), std::ios::in | std::ios::out).write("garbage garbage garbage garbage", 31);
  EXPECT_THAT(Refusal(folder_.path()), AllOf(HasSubstr(Path()), HasSubstr("damaged")));
}

TEST_P(SqliteTest, ACorruptSchemaIsRefused) {
  storage_.reset();
  std::fstream file(Path(), std::ios::in | std::ios::out);
  file.seekp(100);
  file.write(std::string(3000, 'x').data(), 3000);
  file.close();
  EXPECT_THAT(Refusal(folder_.path()), AllOf(HasSubstr(Path()), HasSubstr("damaged")));
}

TEST_P(SqliteTest, AFullDiskIsSaidAndGoneWhenThereIsRoom) {
  Start(TestFlow());
  struct rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_IGN);
  struct stat wal;
  ASSERT_EQ(stat((Path() + "-wal").c_str(), &wal), 0);
  const struct rlimit tight = {.rlim_cur = static_cast<rlim_t>(wal.st_size) + 30000, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  absl::StatusOr<bool> won = true;
  std::vector<FlowId> acknowledged;
  TestFlow refused;
  for (int i = 0; i < 100 && won.ok(); ++i) {
    refused = TestFlow();
    won = Wait(flows().AppendEntry(StartOf(refused)));
    if (won.ok()) acknowledged.push_back(refused.id);
  }
  const auto still = Wait(flows().AppendEntry(StartOf(TestFlow())));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);

  EXPECT_EQ(ClassOf(won.status()), v1::ERROR_CLASS_STORE_FULL) << won.status();
  EXPECT_EQ(ClassOf(still.status()), v1::ERROR_CLASS_STORE_FULL) << still.status();
  EXPECT_THAT(std::string(won.status().message()), Not(HasSubstr(refused.id.ToString())));
  EXPECT_THAT(Log(refused.id), IsEmpty()) << "nothing was written";
  EXPECT_TRUE(Add(StartOf(refused))) << "there is room again";
  acknowledged.push_back(refused.id);
  Reopen();
  for (const FlowId& id : acknowledged) EXPECT_THAT(Log(id), SizeIs(1));
}

TEST_P(SqliteTest, TheWriteAheadLogStartsOver) {
  Reopen({.checkpoint_pages = 50});
  const TestFlow flow;
  Start(flow);
  // Some 20 KB a commit: without checkpoints, 40 MB.
  for (int64_t number = 2; number < 2000; ++number) ASSERT_TRUE(Add(flow, number, Attached{}));
  struct stat wal;
  ASSERT_EQ(stat((Path() + "-wal").c_str(), &wal), 0);
  EXPECT_LT(wal.st_size, 8 << 20);
  EXPECT_THAT(Log(flow.id), SizeIs(1999));
}

// A child that writes and says what was acknowledged, until it is killed.
class StormWriter {
 public:
  explicit StormWriter(const std::string& folder) {
    int ends[2];
    if (pipe(ends) != 0) abort();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    std::string program = "tests/conformance/storm_writer", argument = folder;
    char* argv[] = {program.data(), argument.data(), nullptr};
    EXPECT_EQ(posix_spawn(&child_, program.c_str(), &actions, nullptr, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    output_ = ends[0];
  }
  // All it acknowledged before the kill, which comes after `bytes` of output: the last number of each flow.
  std::map<std::string, int64_t> KillAfter(size_t bytes) {
    std::string text;
    char buffer[4096];
    bool killed = false;
    ssize_t count;
    while ((count = read(output_, buffer, sizeof(buffer))) > 0) {
      text.append(buffer, static_cast<size_t>(count));
      if (!killed && text.size() > bytes) killed = kill(child_, SIGKILL) == 0;
    }
    close(output_);
    int status = 0;
    waitpid(child_, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself: " << status;
    std::map<std::string, int64_t> last;
    std::istringstream lines(text);
    std::string id;
    int64_t number;
    while (lines >> id >> number) last[id] = std::max(last[id], number);
    return last;
  }

 private:
  pid_t child_ = 0;
  int output_ = -1;
};

TEST_P(SqliteTest, AKillInTheMiddleOfAStormLosesNothingAcknowledgedAndShowsNothingTwice) {
  std::map<std::string, int64_t> acknowledged;
  for (int round = 1; round <= 4; ++round) {
    storage_.reset();
    StormWriter child(folder_.path());
    acknowledged.merge(child.KillAfter(60000 * static_cast<size_t>(round)));
    Reopen();
  }
  ASSERT_GT(acknowledged.size(), 500u);
  size_t entries = 0;
  for (const auto& [id, last] : acknowledged) {
    const auto log = Log(*Uuid::Parse(id));
    entries += log.size();
    ASSERT_GE(static_cast<int64_t>(log.size()), last) << "an acknowledged entry is lost: " << id;
    for (size_t i = 0; i < log.size(); ++i) ASSERT_EQ(log[i].number, static_cast<int64_t>(i) + 1);
  }
  // The events: with their entries, once, and numbered without gaps.
  std::map<std::string, int64_t> sequences;
  std::set<std::string> messages;
  std::map<std::string, int> started, ended;
  for (const v1::FunnelEvent& event : Drain()) {
    ASSERT_EQ(event.sequence(), ++sequences[event.invocation().invocation_id()]);
    ASSERT_TRUE(messages.insert(event.message_id()).second);
    ++(event.has_auth_started() ? started : ended)[event.flow_id()];
  }
  for (const auto& [id, last] : acknowledged) {
    const size_t length = Log(*Uuid::Parse(id)).size();
    ASSERT_EQ(started[id], 1);
    ASSERT_EQ(ended[id], length == 6 ? 1 : 0);
  }
  RecordProperty("entries", static_cast<int>(entries));
}

}  // namespace
}  // namespace authflow
