// What ApplicationStore means, over every kind of storage.
#include <atomic>

#include "tests/conformance/store_test.h"

namespace authflow {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Added = ApplicationStore::Added;

class ApplicationStoreTest : public StoreTest {
 protected:
  static StoredApplication Make(const std::string& owner, const std::string& request, const std::string& name) {
    StoredApplication row;
    row.product = kProduct;
    row.owner = owner;
    row.request = request;
    row.application.id = "app_" + NewId().ToString();
    row.application.name = name;
    row.application.region = "eu";
    row.application.create_time = absl::FromUnixMicros(1700000000000001);
    return row;
  }
  ApplicationStore::AddResult Store(const StoredApplication& row) {
    auto result = Wait(storage_->applications().Add(row));
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : ApplicationStore::AddResult{};
  }
  std::vector<StoredApplication> List(const std::string& owner, int64_t after, int limit,
                                      const std::string& product = kProduct) {
    return *Wait(storage_->applications().ListAfter(product, owner, after, limit));
  }
  std::vector<std::string> Names(const std::string& owner, int64_t after, int limit) {
    std::vector<std::string> names;
    for (const auto& row : List(owner, after, limit)) names.push_back(row.application.name);
    return names;
  }
};
INSTANTIATE_TEST_SUITE_P(All, ApplicationStoreTest, testing::ValuesIn(StorageKinds()), StorageName);

TEST_P(ApplicationStoreTest, AnApplicationIsReadAsItWasWritten) {
  const std::string owner("\0\xff", 2);
  const StoredApplication wanted = Make(owner, std::string("\xfe\0", 2), "name \xC3\xA9");
  const auto result = Store(wanted);
  EXPECT_EQ(result.added, Added::kNew);
  EXPECT_EQ(result.application.id, wanted.application.id);
  const auto list = List(owner, 0, 10);
  ASSERT_EQ(list.size(), 1u);
  EXPECT_GT(list[0].position, 0);
  EXPECT_EQ(list[0].product, kProduct);
  EXPECT_EQ(list[0].owner, owner);
  EXPECT_EQ(list[0].request, wanted.request);
  EXPECT_EQ(list[0].application.id, wanted.application.id);
  EXPECT_EQ(list[0].application.name, wanted.application.name);
  EXPECT_EQ(list[0].application.region, "eu");
  EXPECT_EQ(list[0].application.create_time, wanted.application.create_time);
}

TEST_P(ApplicationStoreTest, TheSameRequestFindsTheFirstOne) {
  const StoredApplication first = Make("ann", "r1", "shop");
  ASSERT_EQ(Store(first).added, Added::kNew);
  const auto again = Store(Make("ann", "r1", "another name"));
  EXPECT_EQ(again.added, Added::kSameRequest);
  EXPECT_EQ(again.application.id, first.application.id);
  EXPECT_EQ(again.application.name, "shop");
  EXPECT_EQ(Store(Make("bob", "r1", "shop")).added, Added::kNew) << "requests are an owner's own";
}

TEST_P(ApplicationStoreTest, ANameIsTakenByExactMatch) {
  ASSERT_EQ(Store(Make("ann", "r1", "shop")).added, Added::kNew);
  EXPECT_EQ(Store(Make("ann", "r2", "shop")).added, Added::kNameTaken);
  EXPECT_EQ(Store(Make("ann", "r3", "Shop")).added, Added::kNew);
  EXPECT_EQ(Store(Make("bob", "r4", "shop")).added, Added::kNew);
  EXPECT_THAT(Names("ann", 0, 10), ElementsAre("shop", "Shop"));
}

TEST_P(ApplicationStoreTest, ListingGoesOnAfterAPosition) {
  for (const char* name : {"a", "b", "c", "d"}) {
    Store(Make("ann", name, name));
    Store(Make("bob", name, name));
  }
  EXPECT_THAT(Names("ann", 0, 3), ElementsAre("a", "b", "c"));
  const int64_t third = List("ann", 0, 3).back().position;
  EXPECT_THAT(Names("ann", third, 3), ElementsAre("d"));
  EXPECT_THAT(Names("ann", third + 100, 3), IsEmpty());
  EXPECT_THAT(Names("carol", 0, 3), IsEmpty());
  EXPECT_THAT(List("ann", 0, 3, "other"), IsEmpty());
}

TEST_P(ApplicationStoreTest, OneOf16RacingRequestsCreates) {
  std::atomic<int> created = 0, same = 0, taken = 0;
  AtOnce(16, [&](int i) {
    const Added added = Store(Make("ann", i % 2 == 0 ? "r1" : "r2", "shop")).added;
    created += added == Added::kNew;
    same += added == Added::kSameRequest;
    taken += added == Added::kNameTaken;
  });
  EXPECT_EQ(created, 1);
  EXPECT_EQ(same, 7);
  EXPECT_EQ(taken, 8);
}

}  // namespace
}  // namespace authflow
