#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "server/delivery/file_sink.h"
#include "server/delivery/plain_sinks.h"
#include "tests/support/run_task.h"

namespace authflow {
namespace {

using Result = Delivery::Result;

Delivery Deliver(Sink& sink, std::vector<std::string> messages) { return Wait(sink.Deliver(std::move(messages))); }

class FileSinkTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "file_sink_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ / "events.jsonl";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::string Read(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  void Write(const std::string& text) { std::ofstream(path_) << text; }

  std::filesystem::path folder_;
  std::filesystem::path path_;
};

TEST_F(FileSinkTest, AppendsOneMessageALine) {
  auto sink = NewFileSink(path_);
  EXPECT_EQ(Deliver(*sink, {"{1}", "{2}"}).result, Result::kDelivered);
  EXPECT_EQ(Deliver(*sink, {"{3}"}).result, Result::kDelivered);
  EXPECT_EQ(Read(path_), "{1}\n{2}\n{3}\n");
}

TEST_F(FileSinkTest, ANewFileIsForItsOwnerAlone) {
  auto sink = NewFileSink(path_);
  Deliver(*sink, {"{1}"});
  struct stat status;
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(FileSinkTest, GoesOnBehindWhatIsThere) {
  Write("{0}\n");
  auto sink = NewFileSink(path_);
  Deliver(*sink, {"{1}"});
  EXPECT_EQ(Read(path_), "{0}\n{1}\n");
}

TEST_F(FileSinkTest, ALineThatACrashCutOffIsTakenAway) {
  for (const std::string& torn : {std::string("{\"cut"), std::string(200'000, 'x')}) {
    for (const std::string& whole : {std::string(), std::string("{0}\n")}) {
      Write(whole + torn);
      auto sink = NewFileSink(path_);
      Deliver(*sink, {"{1}"});
      EXPECT_EQ(Read(path_), whole + "{1}\n");
    }
  }
}

TEST_F(FileSinkTest, ARotatedFileIsFollowedByANewOne) {
  auto sink = NewFileSink(path_);
  Deliver(*sink, {"{1}"});
  std::filesystem::rename(path_, folder_ / "events.1");
  Deliver(*sink, {"{2}"});
  EXPECT_EQ(Read(folder_ / "events.1"), "{1}\n");
  EXPECT_EQ(Read(path_), "{2}\n");
  std::filesystem::remove(path_);
  Deliver(*sink, {"{3}"});
  EXPECT_EQ(Read(path_), "{3}\n");
}

TEST_F(FileSinkTest, AFileThatCannotBeOpenedIsAnOutageUntilItCan) {
  auto sink = NewFileSink(folder_ / "later" / "events.jsonl");
  const Delivery delivery = Deliver(*sink, {"{1}"});
  EXPECT_EQ(delivery.result, Result::kOutage);
  EXPECT_EQ(delivery.reason, "open_failed");
  std::filesystem::create_directory(folder_ / "later");
  EXPECT_EQ(Deliver(*sink, {"{1}"}).result, Result::kDelivered);
}

TEST_F(FileSinkTest, AFullDiskIsARetry) {
  auto sink = NewFileSink("/dev/full");
  const Delivery delivery = Deliver(*sink, {"{1}"});
  EXPECT_EQ(delivery.result, Result::kRetry);
  EXPECT_EQ(delivery.reason, "disk_full");
}

TEST_F(FileSinkTest, ABatchThatFailsHalfwayLeavesNothingBehind) {
  auto sink = NewFileSink(path_);
  Deliver(*sink, {"{0}"});
  // A limit on the size of files stands for a disk that is full in the middle of a write.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 64;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Delivery delivery = Deliver(*sink, {std::string(40, 'a'), std::string(40, 'b')});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(delivery.result, Result::kRetry);
  EXPECT_EQ(Read(path_), "{0}\n");
  EXPECT_EQ(Deliver(*sink, {"{1}"}).result, Result::kDelivered);
  EXPECT_EQ(Read(path_), "{0}\n{1}\n");
}

TEST(NoneSinkTest, TakesEverything) { EXPECT_EQ(Deliver(*NewNoneSink(), {"{}"}).result, Result::kDelivered); }

TEST(ConsoleLineTest, IsReadable) {
  EXPECT_EQ(
      ConsoleLine(R"({"type":"track","messageId":"m","anonymousId":"a","event":"CLI Auth Aborted",
      "timestamp":"2026-11-24T13:36:46.123Z","properties":{"flow":"login","step":"","reason":"denied","flow_id":"f",
      "invocation_id":"i","app_id":"","command":"tool login","flags":null,"sequence":2,"is_ci":0}})"),
      R"(13:36:46.123  #2 CLI Auth Aborted  flow=login step="" reason=denied  command="tool login" flow_id=f  user=-)");
}

TEST(ConsoleLineTest, ShowsWhichTraitsAreKnownAndNotTheirValues) {
  EXPECT_EQ(ConsoleLine(R"({"type":"identify","messageId":"m","anonymousId":"a","userId":"u1",
      "timestamp":"2026-11-24T13:36:46.123Z","traits":{"version":"1","email":"ada@example.com"}})"),
            "13:36:46.123     identify  version email  user=u1");
}

TEST(ConsoleSinkTest, PrintsALineForEachEvent) {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* out = open_memstream(&text, &size);
  auto sink = NewConsoleSink(out);
  EXPECT_EQ(Deliver(*sink, {"not json", "nor this"}).result, Result::kDelivered);
  std::fclose(out);
  EXPECT_EQ(std::string(text, size), "not json\nnor this\n");
  std::free(text);
}

}  // namespace
}  // namespace authflow
