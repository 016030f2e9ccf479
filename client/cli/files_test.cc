#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "client/cli/atomic_file.h"
#include "client/cli/file_lock.h"
#include "client/cli/installation.h"
#include "client/cli/profile.h"
#include "client/cli/token_store.h"

namespace authflow {
namespace {

class FilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/files.XXXXXX";
    root_ = mkdtemp(pattern.data());
    folders_ = {.config = root_ + "/c/authflow", .data = root_ + "/d/authflow"};
    umask(0);  // modes must not depend on it
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  static mode_t ModeOf(const std::string& path) {
    struct stat info = {};
    EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777;
  }
  std::vector<std::string> FilesIn(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
  static void Put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
  }

  std::string root_;
  Folders folders_;
};

TEST_F(FilesTest, APreparedFileIsNotSeenUntilItIsCommitted) {
  const std::string path = root_ + "/a/b";
  ASSERT_TRUE(WriteFileAtomically(path, "old").ok());
  {
    auto prepared = PreparedFile::Prepare(path, "new");
    ASSERT_TRUE(prepared.ok()) << prepared.status();
    EXPECT_EQ(*ReadSmallFile(path), "old");
    auto moved = *std::move(prepared);
    EXPECT_EQ(FilesIn(root_ + "/a").size(), 2u);
  }
  EXPECT_EQ(FilesIn(root_ + "/a"), std::vector<std::string>{"b"});
  ASSERT_TRUE(WriteFileAtomically(path, "new").ok());
  EXPECT_EQ(*ReadSmallFile(path), "new");
  EXPECT_EQ(FilesIn(root_ + "/a"), std::vector<std::string>{"b"});
}

TEST_F(FilesTest, AReaderSeesTheOldOrTheNewAndNeverAMixture) {
  const std::string path = root_ + "/f";
  const std::string one(60'000, '1');
  const std::string two(60'000, '2');
  ASSERT_TRUE(WriteFileAtomically(path, one).ok());
  std::thread writer([&] {
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(WriteFileAtomically(path, i % 2 ? one : two).ok());
  });
  for (int i = 0; i < 300; ++i) {
    const auto text = ReadSmallFile(path);
    ASSERT_TRUE(text.ok());
    ASSERT_TRUE(*text == one || *text == two);
  }
  writer.join();
}

TEST_F(FilesTest, AFolderThatCannotBeMadeIsSaid) {
  Put(root_ + "/file", "");
  const auto status = WriteFileAtomically(root_ + "/file/below", "x");
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_NE(std::string(status.message()).find("/file"), std::string::npos) << status;
}

StoredLogin ALogin() {
  return {.server = "http://127.0.0.1:1",
          .product = "p",
          .user_id = "u1",
          .email = "a@example.com",
          .name = "Ä \"x\"",
          .access_token = Secret("at"),
          .refresh_token = Secret("rt"),
          .id_token = Secret("it"),
          .expire_time = absl::FromUnixMillis(1'800'000'000'123),
          .scopes = {"openid", "email"}};
}

TEST_F(FilesTest, TokensAreForTheirOwnerAlone) {
  auto prepared = PrepareLogin(folders_, "default", ALogin());
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  ASSERT_TRUE(prepared->Commit().ok());
  EXPECT_EQ(ModeOf(LoginPath(folders_, "default")), 0600u);
  EXPECT_EQ(ModeOf(folders_.data + "/tokens"), 0700u);
  EXPECT_EQ(ModeOf(folders_.data), 0700u);
}

TEST_F(FilesTest, ALoginComesBackAsItWas) {
  auto prepared = PrepareLogin(folders_, "default", ALogin());
  ASSERT_TRUE(prepared.ok() && prepared->Commit().ok());
  const auto login = LoadLogin(folders_, "default");
  ASSERT_TRUE(login.ok() && *login) << login.status();
  EXPECT_EQ((*login)->server, "http://127.0.0.1:1");
  EXPECT_EQ((*login)->product, "p");
  EXPECT_EQ((*login)->user_id, "u1");
  EXPECT_EQ((*login)->email, "a@example.com");
  EXPECT_EQ((*login)->name, "Ä \"x\"");
  EXPECT_EQ((*login)->access_token.Reveal(), "at");
  EXPECT_EQ((*login)->refresh_token.Reveal(), "rt");
  EXPECT_EQ((*login)->id_token.Reveal(), "it");
  EXPECT_EQ((*login)->expire_time, ALogin().expire_time);
  EXPECT_EQ((*login)->scopes, (std::vector<std::string>{"openid", "email"}));
  ASSERT_TRUE(DeleteLogin(folders_, "default").ok());
  EXPECT_FALSE(LoadLogin(folders_, "default")->has_value());
  EXPECT_TRUE(DeleteLogin(folders_, "default").ok());
}

TEST_F(FilesTest, ALoginInTheKeyringLeavesNoTokenInTheFile) {
  StoredLogin login = ALogin();
  login.keyring_id = "item-1";
  auto prepared = PrepareLogin(folders_, "default", login);
  ASSERT_TRUE(prepared.ok() && prepared->Commit().ok());
  const auto text = ReadSmallFile(LoginPath(folders_, "default"));
  ASSERT_TRUE(text.ok());
  for (const char* token : {"\"at\"", "\"rt\"", "\"it\""}) EXPECT_EQ(text->find(token), std::string::npos) << token;
  auto read = LoadLogin(folders_, "default");
  ASSERT_TRUE(read.ok() && *read) << read.status();
  EXPECT_EQ((*read)->keyring_id, "item-1");
  EXPECT_EQ((*read)->user_id, "u1");
  EXPECT_TRUE((*read)->access_token.empty());
  ASSERT_TRUE((*read)->AdoptTokens(TokensOf(login)));
  EXPECT_EQ((*read)->access_token.Reveal(), "at");
  EXPECT_EQ((*read)->refresh_token.Reveal(), "rt");
  EXPECT_EQ((*read)->expire_time, login.expire_time);
  EXPECT_EQ((*read)->scopes, login.scopes);
  EXPECT_FALSE((*read)->AdoptTokens(Secret("junk")));
}

TEST_F(FilesTest, AFileThatIsNoLoginIsAnErrorAndNotASignOut) {
  for (const char* text : {"", "{", "[]", "{\"access_token\": 1}", "\xff"}) {
    Put(LoginPath(folders_, "default"), text);
    EXPECT_EQ(LoadLogin(folders_, "default").status().code(), absl::StatusCode::kInternal) << text;
  }
}

TEST(StoredLoginTest, AnAnswerWithoutARefreshTokenKeepsTheOldOne) {
  StoredLogin login = ALogin();
  v1::Tokens tokens;
  tokens.set_access_token("at2");
  login.Adopt(tokens);
  EXPECT_EQ(login.access_token.Reveal(), "at2");
  EXPECT_EQ(login.refresh_token.Reveal(), "rt");
  EXPECT_FALSE(login.expire_time.has_value());
  EXPECT_FALSE(login.Expired(absl::InfiniteFuture()));
}

TEST(StoredLoginTest, ExpiresAMomentBeforeItsTime) {
  const StoredLogin login = ALogin();
  EXPECT_FALSE(login.Expired(*login.expire_time - absl::Seconds(11)));
  EXPECT_TRUE(login.Expired(*login.expire_time - absl::Seconds(10)));
}

TEST_F(FilesTest, AProfileComesBackAndIsCounted) {
  EXPECT_EQ(CountProfiles(folders_), 0);
  EXPECT_FALSE(LoadProfile(folders_, "default")->has_value());
  const Profile profile{.server = "s",
                        .product = "p",
                        .user_id = "u",
                        .email = "e",
                        .application_id = "id",
                        .application_name = "\x1b name",
                        .region = "eu"};
  for (const char* name : {"default", "other"}) {
    auto prepared = PrepareProfile(folders_, name, profile);
    ASSERT_TRUE(prepared.ok() && prepared->Commit().ok());
  }
  EXPECT_EQ(CountProfiles(folders_), 2);
  const auto loaded = LoadProfile(folders_, "other");
  ASSERT_TRUE(loaded.ok() && *loaded);
  EXPECT_EQ((*loaded)->application_id, "id");
  EXPECT_EQ((*loaded)->application_name, "\x1b name");
  EXPECT_EQ((*loaded)->region, "eu");
}

TEST(ProfileNameTest, IsAFileNameThatStaysInItsFolder) {
  for (const char* name : {"default", "a", "A.b_c-9"}) EXPECT_TRUE(IsProfileName(name)) << name;
  for (const std::string& name : {std::string(), std::string(".."), std::string("a/b"), std::string("-a"),
                                  std::string("ä"), std::string("a\0b", 3), std::string(65, 'a')}) {
    EXPECT_FALSE(IsProfileName(name)) << name;
  }
}

TEST_F(FilesTest, ALockIsOneProcessesAtATime) {
  const std::string path = LoginLockPath(folders_, "default");
  auto first = FileLock::Try(path);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(absl::IsUnavailable(FileLock::Try(path).status()));
  { const FileLock gone = *std::move(first); }
  EXPECT_TRUE(FileLock::Try(path).ok());
}

TEST_F(FilesTest, AnInstallationKeepsItsId) {
  const std::string id = AnonymousId(folders_);
  EXPECT_EQ(id.size(), 36u);
  EXPECT_EQ(id[14], '4');
  EXPECT_EQ(AnonymousId(folders_), id);
  EXPECT_EQ(FilesIn(folders_.data), std::vector<std::string>{"anonymous_id"});
  EXPECT_EQ(ModeOf(folders_.data + "/anonymous_id"), 0600u);
  Put(folders_.data + "/anonymous_id", "broken");
  const std::string another = AnonymousId(folders_);
  EXPECT_NE(another, id);
  EXPECT_EQ(AnonymousId(folders_), another);
}

TEST_F(FilesTest, ManyAtOnceGetOneId) {
  std::vector<std::string> ids(8);
  std::vector<std::thread> threads;
  for (auto& id : ids) threads.emplace_back([&id, this] { id = AnonymousId(folders_); });
  for (auto& thread : threads) thread.join();
  for (const auto& id : ids) EXPECT_EQ(id, AnonymousId(folders_));
}

TEST_F(FilesTest, FoldersFollowTheEnvironment) {
  setenv("XDG_CONFIG_HOME", "/x/c", 1);
  setenv("XDG_DATA_HOME", "relative", 1);
  setenv("HOME", "/home/me", 1);
  EXPECT_EQ(FoldersFromEnvironment().config, "/x/c/authflow");
  EXPECT_EQ(FoldersFromEnvironment().data, "/home/me/.local/share/authflow");
}

}  // namespace
}  // namespace authflow
