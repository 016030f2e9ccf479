#include "server/delivery/batch.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "server/base/text.h"
#include "server/delivery/sink.h"
#include "server/events/event.h"
#include "server/events/traits.h"

namespace authflow {
namespace {

class BatchTest : public testing::Test {
 protected:
  // An event whose message has at least `bytes` bytes.
  OutboxEvent Add(size_t bytes = 0, const std::string& flow_id = "") {
    OutboxEvent claimed;
    claimed.id = static_cast<int64_t>(events_.size()) + 1;
    claimed.event.set_message_id(Cat("m", claimed.id));
    claimed.event.set_flow_id(flow_id);
    claimed.event.mutable_invocation()->set_command(std::string(bytes, 'c'));
    claimed.event.mutable_command_invoked();
    events_.push_back(claimed);
    return claimed;
  }

  Batch Make() { return MakeBatch(events_, keys_); }

  const Keys keys_{{Secret(std::string(32, 'k'))}};
  std::vector<OutboxEvent> events_;
};

TEST_F(BatchTest, StaysBelow500KBWithItsEnvelope) {
  for (int i = 0; i < 100; ++i) Add(10'000);
  const Batch batch = Make();
  size_t bytes = 0;
  for (const Letter& letter : batch.letters) bytes += letter.message.size() + 1;
  EXPECT_LT(bytes, 499'500u);
  EXPECT_GT(bytes, 480'000u) << "and is as full as it can be";
  EXPECT_TRUE(batch.dead.empty()) << "what does not fit comes with the next claim";
}

TEST_F(BatchTest, AnEventOfMoreThan32KBIsDead) {
  Add(kMaxMessageBytes);
  Add();
  const Batch batch = Make();
  ASSERT_EQ(batch.dead.size(), 1u);
  EXPECT_EQ(batch.dead[0].id, 1);
  EXPECT_EQ(batch.dead[0].reason, "too_large");
  ASSERT_EQ(batch.letters.size(), 1u);
  EXPECT_EQ(batch.letters[0].id, 2);
}

TEST_F(BatchTest, AnEventOfExactly32KBIsSent) {
  const size_t empty = [this] {
    Add();
    const size_t size = Make().letters[0].message.size();
    events_.clear();
    return size;
  }();
  Add(kMaxMessageBytes - empty);
  Batch batch = Make();
  ASSERT_EQ(batch.letters.size(), 1u);
  EXPECT_EQ(batch.letters[0].message.size(), kMaxMessageBytes);
  events_.clear();
  Add(kMaxMessageBytes - empty + 1);
  EXPECT_EQ(Make().dead.size(), 1u);
}

TEST_F(BatchTest, WhatFollowsADeadEventInItsFlowIsLeftOut) {
  Add(kMaxMessageBytes, "f1");
  Add(0, "f2");
  Add(0, "f1");
  Add();
  const Batch batch = Make();
  ASSERT_EQ(batch.letters.size(), 2u);
  EXPECT_EQ(batch.letters[0].id, 2);
  EXPECT_EQ(batch.letters[1].id, 4);
  EXPECT_EQ(batch.dead.size(), 1u) << "the outbox parks the others";
}

TEST_F(BatchTest, TraitsAreOpened) {
  v1::IdentityTraits traits;
  traits.set_email("ada@example.com");
  const FlowId flow = *Uuid::Parse("01890a5d-ac96-8b7e-8f00-0123456789ab");
  OutboxEvent claimed;
  claimed.id = 1;
  claimed.event = IdentifyEvent(flow, 4, SealTraits(keys_, flow, traits), absl::UnixEpoch()).body;
  events_ = {claimed};
  const Batch batch = Make();
  ASSERT_EQ(batch.letters.size(), 1u);
  EXPECT_EQ(nlohmann::json::parse(batch.letters[0].message)["traits"]["email"], "ada@example.com");

  const Keys other({Secret(std::string(32, 'o'))});
  const Batch unreadable = MakeBatch(events_, other);
  ASSERT_EQ(unreadable.dead.size(), 1u);
  EXPECT_EQ(unreadable.dead[0].reason, "sealed");
}

TEST_F(BatchTest, TextThatIsNotUtf8IsReplaced) {
  Add();
  events_[0].event.mutable_invocation()->set_version("1\xff");
  const Batch batch = Make();
  ASSERT_EQ(batch.letters.size(), 1u);
  EXPECT_EQ(nlohmann::json::parse(batch.letters[0].message)["properties"]["version"], "1\xef\xbf\xbd");
}

}  // namespace
}  // namespace authflow
