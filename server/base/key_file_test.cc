#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "server/base/keys.h"

namespace authflow {
namespace {

constexpr char kZeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
constexpr char kOnes[] = "1111111111111111111111111111111111111111111111111111111111111111";

class KeyFileTest : public testing::Test {
 protected:
  KeyFileTest() {
    folder_ = std::filesystem::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~KeyFileTest() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ / "key"; }
  void Write(const std::string& text, mode_t mode = 0600) {
    std::ofstream(path()) << text;
    chmod(path().c_str(), mode);
  }
  std::string Read() const {
    std::ifstream file(path());
    return {std::istreambuf_iterator<char>(file), {}};
  }
  int FileCount() const { return static_cast<int>(std::distance(std::filesystem::directory_iterator(folder_), {})); }

  std::filesystem::path folder_;
};

TEST_F(KeyFileTest, TheFirstStartMakesAKeyThatOnlyTheOwnerReads) {
  const auto keys = Keys::LoadOrCreate(path());
  ASSERT_TRUE(keys.ok()) << keys.status();
  struct stat facts;
  ASSERT_EQ(stat(path().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0600u);
  EXPECT_EQ(Read().size(), 65u);
  EXPECT_EQ(FileCount(), 1);
  const auto again = Keys::LoadOrCreate(path());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->current_key_name(), keys->current_key_name());
}

TEST_F(KeyFileTest, EachNewFileHasAnotherKey) {
  const uint32_t first = Keys::LoadOrCreate(path())->current_key_name();
  std::filesystem::remove(path());
  EXPECT_NE(Keys::LoadOrCreate(path())->current_key_name(), first);
}

TEST_F(KeyFileTest, AllWhoStartAtOnceGetTheSameKey) {
  std::vector<uint32_t> names(16);
  std::vector<std::thread> threads;
  for (uint32_t& name : names) {
    threads.emplace_back([&] { name = Keys::LoadOrCreate(path())->current_key_name(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(names, std::vector<uint32_t>(16, names[0]));
  EXPECT_EQ(FileCount(), 1);
}

TEST_F(KeyFileTest, TheFirstLineIsTheCurrentKey) {
  Write(std::string(kOnes) + "\r\n\n" + kZeros);
  const auto keys = Keys::LoadOrCreate(path());
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->current_key_name(), Keys({Secret(std::string(32, '\x11'))}).current_key_name());
  EXPECT_TRUE(keys->OpenFlowToken(Keys({Secret(std::string(32, '\0'))}).MakeFlowToken(FlowId()).Reveal()).ok());
}

TEST_F(KeyFileTest, WhatIsWrongIsSaidWithoutTheKey) {
  struct Case {
    std::string text;
    mode_t mode;
    std::string says;
  };
  const Case cases[] = {
      {kOnes, 0644, "mode"},
      {kOnes, 0640, "mode"},
      {kOnes, 0602, "mode"},
      {"", 0600, "no key"},
      {"\n\n", 0600, "no key"},
      {std::string(kOnes) + "\n" + std::string(kOnes).substr(1), 0600, "line 2"},
      {std::string(kOnes) + "1", 0600, "line 1"},
      {std::string(kOnes).substr(2) + "zz", 0600, "line 1"},
      {std::string(70000, '1'), 0600, "larger"},
  };
  for (const Case& c : cases) {
    Write(c.text, c.mode);
    const auto keys = Keys::LoadOrCreate(path());
    EXPECT_EQ(keys.status().code(), absl::StatusCode::kFailedPrecondition) << c.says;
    const std::string message(keys.status().message());
    EXPECT_NE(message.find(c.says), std::string::npos) << message;
    EXPECT_NE(message.find(path()), std::string::npos) << message;
    EXPECT_EQ(message.find("1111"), std::string::npos) << message;
  }
  std::filesystem::remove(path());
  std::filesystem::create_directories(path());
  EXPECT_EQ(Keys::LoadOrCreate(path()).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Keys::LoadOrCreate(folder_ / "absent" / "key").status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace authflow
