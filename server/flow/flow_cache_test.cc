#include "server/flow/flow_cache.h"

#include <gtest/gtest.h>

#include <memory>

namespace authflow {
namespace {

// All in one shard: ids differ in their first byte alone.
SharedFlow Made(uint8_t id, int64_t length = 1) {
  Flow flow;
  flow.header.id.bytes[0] = id;
  flow.length = length;
  return std::make_shared<const Flow>(flow);
}

FlowId IdOf(uint8_t id) { return Made(id)->header.id; }

class FlowCacheTest : public testing::Test {
 protected:
  FlowCache cache_{2 * 16};  // three in each of its 16 shards
};

TEST_F(FlowCacheTest, TheOldestGoesAndOneThatWasUsedIsSparedOnce) {
  for (const uint8_t id : {1, 2, 3}) cache_.Put(Made(id));
  ASSERT_NE(cache_.Get(IdOf(1)), nullptr);
  cache_.Put(Made(4));
  EXPECT_EQ(cache_.Get(IdOf(2)), nullptr) << "the oldest that nobody used";
  for (const uint8_t id : {5, 6, 7}) cache_.Put(Made(id));
  EXPECT_EQ(cache_.Get(IdOf(1)), nullptr) << "used, but not since it was spared";
}

TEST_F(FlowCacheTest, IfAllAreInUseTheBoundHolds) {
  for (int id = 0; id < 200; ++id) {
    cache_.Put(Made(static_cast<uint8_t>(id)));
    cache_.Get(IdOf(static_cast<uint8_t>(id)));
  }
  int kept = 0;
  for (int id = 0; id < 200; ++id) kept += cache_.Get(IdOf(static_cast<uint8_t>(id))) != nullptr ? 1 : 0;
  EXPECT_EQ(kept, 3);
}

TEST_F(FlowCacheTest, TheLongerLogStays) {
  cache_.Put(Made(1, 3));
  cache_.Put(Made(1, 2));
  EXPECT_EQ(cache_.Get(IdOf(1))->length, 3);
  cache_.Put(Made(1, 4));
  EXPECT_EQ(cache_.Get(IdOf(1))->length, 4);
}

}  // namespace
}  // namespace authflow
