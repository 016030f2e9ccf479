#include "server/rpc/stream_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "server/rpc/bridge_fixture.h"

namespace authflow {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class StreamTest : public BridgeTest {
 protected:
  std::unique_ptr<grpc::ClientReader<v1::WatchFlowResponse>> Open(grpc::ClientContext* context,
                                                                  const std::string& token = "") {
    v1::WatchFlowRequest request;
    request.set_flow_token(token);
    return stub_->WatchFlow(context, request);
  }
};

TEST_F(StreamTest, SendsTheStateNowAndAfterEachChangeAndEndsAfterTheLast) {
  grpc::ClientContext context;
  auto stream = Open(&context);
  v1::WatchFlowResponse message;
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_EQ(message.flow().attempt(), 0);
  stage_.subject.Change(1, false);
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_EQ(message.flow().attempt(), 1);
  stage_.subject.Change(2, true);
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_EQ(message.flow().attempt(), 2);
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_TRUE(stream->Finish().ok());
  stage_.look_dropped.WaitForNotification();
  EXPECT_EQ(records_.Await(1)[0].code, absl::StatusCode::kOk);
}

TEST_F(StreamTest, ASlowReaderGetsTheLatestStateAndNotEachOne) {
  {
    absl::MutexLock lock(&stage_.subject.mutex);
    stage_.subject.flow.set_product(std::string(256 * 1024, 'x'));  // soon fills the windows of an idle reader
  }
  grpc::ClientContext context;
  auto stream = Open(&context);
  stage_.entered.WaitForNotification();
  constexpr int kChanges = 2000;
  for (int i = 1; i <= kChanges; ++i) stage_.subject.Change(i, i == kChanges);
  v1::WatchFlowResponse message;
  int messages = 0;
  int newest = -1;
  while (stream->Read(&message)) {
    EXPECT_GE(message.flow().attempt(), newest);
    newest = message.flow().attempt();
    ++messages;
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(newest, kChanges);
  EXPECT_LT(messages, kChanges / 2);
}

TEST_F(StreamTest, AHeartbeatRepeatsTheState) {
  wire_.heartbeats = std::make_shared<Heartbeats>(pool_.get_executor(), absl::Milliseconds(5));
  grpc::ClientContext context;
  auto stream = Open(&context);
  v1::WatchFlowResponse message;
  for (int i = 0; i < 3; ++i) {
    message.Clear();
    ASSERT_TRUE(stream->Read(&message));
    EXPECT_TRUE(message.has_flow()) << "what was said before, whole";
  }
  stage_.subject.Change(1, true);
  while (stream->Read(&message)) {
  }
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamTest, BetweenManyHeartbeatsEachChangeIsToldInOrderAndTheLastOnce) {
  wire_.heartbeats = std::make_shared<Heartbeats>(pool_.get_executor(), absl::Microseconds(50));
  grpc::ClientContext context;
  auto stream = Open(&context);
  stage_.entered.WaitForNotification();
  constexpr int kChanges = 300;
  std::vector<int> told = {0};
  v1::WatchFlowResponse message;
  // Each is waited for, so that its news meets a stream that does nothing but beat.
  for (int i = 1; i <= kChanges; ++i) {
    stage_.subject.Change(i, i == kChanges);
    while (told.back() != i && stream->Read(&message)) told.push_back(message.flow().attempt());
  }
  EXPECT_FALSE(stream->Read(&message)) << "nothing follows the last";
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(told.back(), kChanges);
}

TEST_F(StreamTest, ADrainEndsOpenStreamsAndThoseToCome) {
  grpc::ClientContext context;
  auto stream = Open(&context);
  v1::WatchFlowResponse message;
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_FALSE(message.draining());
  wire_.streams.Drain();
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_TRUE(message.draining());
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamTest, AStreamOpenedWhileDrainingEndsAtOnce) {
  wire_.streams.Drain();
  grpc::ClientContext context;
  auto stream = Open(&context);
  v1::WatchFlowResponse message;
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_TRUE(message.draining());
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamTest, ABrokenStreamLetsGoOfWhatItWatches) {
  grpc::ClientContext context;
  auto stream = Open(&context);
  v1::WatchFlowResponse message;
  ASSERT_TRUE(stream->Read(&message));
  context.TryCancel();
  stage_.look_dropped.WaitForNotification();
  stage_.subject.Change(1, false);  // nobody is there to be told
  EXPECT_EQ(records_.Await(1)[0].code, absl::StatusCode::kCancelled);
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(StreamTest, ARefusalEndsTheStream) {
  grpc::ClientContext context;
  auto stream = Open(&context, "refuse");
  v1::WatchFlowResponse message;
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(StreamTest, AnExceptionEndsTheStreamAsInternal) {
  grpc::ClientContext context;
  auto stream = Open(&context, "throw");
  v1::WatchFlowResponse message;
  EXPECT_FALSE(stream->Read(&message));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_THAT(status.error_message(), Not(HasSubstr("SECRET")));
}

}  // namespace
}  // namespace authflow
