#include "server/applications/local_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "server/applications/no_directory.h"
#include "server/base/error_class.h"
#include "server/base/random.h"
#include "server/storage/faulty_storage.h"
#include "tests/support/run_task.h"

namespace authflow {
namespace {

using testing::ElementsAre;
using testing::MatchesRegex;

class LocalDirectoryTest : public testing::Test {
 protected:
  absl::StatusOr<Application> Create(ApplicationDirectory& directory, const std::string& owner, const Uuid& request_id,
                                     const std::string& name, const std::string& region = "") {
    Owner who{.digest = owner};
    NewApplication application{.request_id = request_id, .name = name, .region = region};
    return Wait(directory.Create(who, application));
  }
  absl::StatusOr<ApplicationPage> List(ApplicationDirectory& directory, const std::string& owner, int size,
                                       const std::string& token = "") {
    Owner who{.digest = owner};
    return Wait(directory.List(who, size, token));
  }
  Uuid NewRequest() { return RandomUuid(clock_.Now()); }
  std::unique_ptr<ApplicationDirectory> Directory(const std::string& product) {
    return NewLocalDirectory(product, {"eu", "us"}, storage_.applications(), clock_, keys_);
  }

  FakeClock clock_{absl::FromUnixSeconds(1700000000)};
  Keys keys_{{Secret(std::string(32, 'k'))}};
  FaultyStorage storage_{NewMemoryStorage(clock_)};
  std::unique_ptr<ApplicationDirectory> directory_ = Directory("acme");
};

TEST_F(LocalDirectoryTest, WhatIsCreatedIsListed) {
  const auto created = Create(*directory_, "ann", NewRequest(), "shop");
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_THAT(created->id, MatchesRegex("app_[0-9a-f]{32}"));
  EXPECT_EQ(created->create_time, clock_.Now());
  const auto page = List(*directory_, "ann", 10);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->applications.size(), 1u);
  EXPECT_EQ(page->applications[0].id, created->id);
  EXPECT_EQ(page->applications[0].name, "shop");
  EXPECT_EQ(page->applications[0].region, "eu");
  EXPECT_EQ(page->next_page_token, "");
  EXPECT_THAT(page->regions, ElementsAre("eu", "us"));
}

TEST_F(LocalDirectoryTest, AnEmptyRegionIsTheFirstOffered) {
  EXPECT_EQ(Create(*directory_, "ann", NewRequest(), "one")->region, "eu");
  EXPECT_EQ(Create(*directory_, "ann", NewRequest(), "two", "us")->region, "us");
}

TEST_F(LocalDirectoryTest, ARegionThatIsNotOfferedIsRefused) {
  const auto created = Create(*directory_, "ann", NewRequest(), "one", "moon");
  EXPECT_EQ(ClassOf(created.status()), v1::ERROR_CLASS_REGION_NOT_OFFERED);
}

TEST_F(LocalDirectoryTest, TheSameRequestAgainIsTheSameApplication) {
  const Uuid request = NewRequest();
  const auto first = Create(*directory_, "ann", request, "shop", "us");
  clock_.Advance(absl::Minutes(1));
  const auto again = Create(*directory_, "ann", request, "shop", "us");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->id, first->id);
  EXPECT_EQ(again->create_time, first->create_time);
  EXPECT_EQ(List(*directory_, "ann", 10)->applications.size(), 1u);
}

TEST_F(LocalDirectoryTest, TheSameRequestForSomethingElseIsRefused) {
  const Uuid request = NewRequest();
  ASSERT_TRUE(Create(*directory_, "ann", request, "shop", "us").ok());
  EXPECT_EQ(ClassOf(Create(*directory_, "ann", request, "other", "us").status()), v1::ERROR_CLASS_REQUEST_ID_REUSED);
  EXPECT_EQ(ClassOf(Create(*directory_, "ann", request, "shop", "eu").status()), v1::ERROR_CLASS_REQUEST_ID_REUSED);
  EXPECT_TRUE(Create(*directory_, "bob", request, "shop", "us").ok()) << "another owner's request is another request";
}

TEST_F(LocalDirectoryTest, ANameIsTakenOncePerOwnerAndProduct) {
  ASSERT_TRUE(Create(*directory_, "ann", NewRequest(), "shop").ok());
  EXPECT_EQ(ClassOf(Create(*directory_, "ann", NewRequest(), "shop").status()), v1::ERROR_CLASS_APPLICATION_NAME_TAKEN);
  EXPECT_TRUE(Create(*directory_, "ann", NewRequest(), "Shop").ok());
  EXPECT_TRUE(Create(*directory_, "bob", NewRequest(), "shop").ok());
  const auto other = Directory("other");
  EXPECT_TRUE(Create(*other, "ann", NewRequest(), "shop").ok());
}

TEST_F(LocalDirectoryTest, ABadNameIsRefused) {
  EXPECT_EQ(ClassOf(Create(*directory_, "ann", NewRequest(), " shop").status()),
            v1::ERROR_CLASS_APPLICATION_NAME_INVALID);
}

TEST_F(LocalDirectoryTest, PagesHoldEverythingOnceInOrder) {
  std::vector<std::string> wanted;
  for (int i = 0; i < 7; ++i) {
    wanted.push_back("app " + std::to_string(i));
    ASSERT_TRUE(Create(*directory_, "ann", NewRequest(), wanted.back()).ok());
    ASSERT_TRUE(Create(*directory_, "bob", NewRequest(), wanted.back()).ok());
  }
  std::vector<std::string> got;
  std::string token;
  int pages = 0;
  do {
    const auto page = List(*directory_, "ann", 3, token);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const auto& application : page->applications) got.push_back(application.name);
    token = page->next_page_token;
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(got, wanted);
  EXPECT_EQ(pages, 3);
}

TEST_F(LocalDirectoryTest, AFullLastPageHasNoNextOne) {
  for (const char* name : {"a", "b"}) ASSERT_TRUE(Create(*directory_, "ann", NewRequest(), name).ok());
  EXPECT_EQ(List(*directory_, "ann", 2)->next_page_token, "");
}

TEST_F(LocalDirectoryTest, PageSizesHaveBounds) {
  for (int i = 0; i < 51; ++i) ASSERT_TRUE(Create(*directory_, "ann", NewRequest(), "n" + std::to_string(i)).ok());
  EXPECT_EQ(List(*directory_, "ann", 0)->applications.size(), 50u);
  EXPECT_EQ(List(*directory_, "ann", -1)->applications.size(), 50u);
  EXPECT_EQ(List(*directory_, "ann", 5000)->applications.size(), 51u);
}

TEST_F(LocalDirectoryTest, APageTokenIsGoodForItsListAlone) {
  for (const char* name : {"a", "b"}) {
    ASSERT_TRUE(Create(*directory_, "ann", NewRequest(), name).ok());
    ASSERT_TRUE(Create(*directory_, "bob", NewRequest(), name).ok());
  }
  const std::string token = List(*directory_, "ann", 1)->next_page_token;
  ASSERT_TRUE(List(*directory_, "ann", 1, token).ok());
  const auto other = Directory("other");
  EXPECT_EQ(ClassOf(List(*other, "ann", 1, token).status()), v1::ERROR_CLASS_PAGE_TOKEN_INVALID);
  EXPECT_EQ(ClassOf(List(*directory_, "bob", 1, token).status()), v1::ERROR_CLASS_PAGE_TOKEN_INVALID);
  std::string changed = token;
  changed[0] = changed[0] == 'A' ? 'B' : 'A';
  for (const std::string& bad : {changed, token + "A", token.substr(1), std::string("x"), std::string("\n"),
                                 std::string("AAAAAAAAAAA"), std::string(4096, 'A')}) {
    EXPECT_EQ(ClassOf(List(*directory_, "ann", 1, bad).status()), v1::ERROR_CLASS_PAGE_TOKEN_INVALID) << bad;
  }
}

TEST_F(LocalDirectoryTest, TroubleOfTheStoreIsPassedOn) {
  storage_.FailWrites(Refusal(v1::ERROR_CLASS_STORE_FULL, "full"));
  EXPECT_EQ(ClassOf(Create(*directory_, "ann", NewRequest(), "shop").status()), v1::ERROR_CLASS_STORE_FULL);
  storage_.FailReads(Refusal(v1::ERROR_CLASS_STORE_UNAVAILABLE, "locked"));
  EXPECT_EQ(ClassOf(List(*directory_, "ann", 1).status()), v1::ERROR_CLASS_STORE_UNAVAILABLE);
}

TEST(NoDirectoryTest, RefusesEverything) {
  const auto directory = NewNoDirectory();
  EXPECT_EQ(ClassOf(Wait(directory->List(Owner{}, 10, "")).status()), v1::ERROR_CLASS_APPLICATIONS_NOT_CONFIGURED);
  EXPECT_EQ(ClassOf(Wait(directory->Create(Owner{}, NewApplication{})).status()),
            v1::ERROR_CLASS_APPLICATIONS_NOT_CONFIGURED);
}

}  // namespace
}  // namespace authflow
