#include "server/rpc/bridge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/rpc/bridge_fixture.h"

namespace authflow {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(BridgeTest, ACoroutinesAnswerIsTheReply) {
  v1::GetFlowResponse response;
  const grpc::Status status = Call("hello", &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.flow().flow_id(), "hello");
  const auto records = records_.Await(1);
  EXPECT_EQ(records[0].method, kGetFlow);
  EXPECT_EQ(records[0].code, absl::StatusCode::kOk);
}

TEST_F(BridgeTest, ARefusalIsToldAndCounted) {
  const grpc::Status status = Call("refuse");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_details(), HasSubstr("FLOW_NOT_FOUND"));
  const auto records = records_.Await(1);
  EXPECT_EQ(records[0].code, absl::StatusCode::kNotFound);
  EXPECT_EQ(records[0].reason, v1::ERROR_CLASS_FLOW_NOT_FOUND);
  EXPECT_EQ(records[0].flow_id, kFlow);
  EXPECT_EQ(records[0].step, v1::STEP_BROWSER_WAIT);
  EXPECT_GT(records[0].latency, absl::ZeroDuration());
}

TEST_F(BridgeTest, AnExceptionBecomesInternalAndKeepsItsWordsToItself) {
  const grpc::Status status = Call("throw");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_THAT(status.error_message(), Not(HasSubstr("SECRET")));
  EXPECT_THAT(records_.Await(1)[0].message, HasSubstr("std::runtime_error"));
  EXPECT_THAT(records_.Await(1)[0].message, Not(HasSubstr("SECRET")));
}

TEST_F(BridgeTest, CancellationEndsTheWaitAndNotTheWork) {
  grpc::ClientContext context;
  v1::GetFlowRequest request;
  request.set_flow_token("wait");
  v1::GetFlowResponse response;
  absl::Notification done;
  grpc::Status status;
  stub_->async()->GetFlow(&context, &request, &response, [&](grpc::Status result) {
    status = result;
    done.Notify();
  });
  stage_.entered.WaitForNotification();
  context.TryCancel();
  done.WaitForNotification();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  // The server has answered; the coroutine still waits.
  EXPECT_EQ(records_.Await(1)[0].code, absl::StatusCode::kCancelled);
  EXPECT_FALSE(nursery_.WaitUntilEmpty(absl::ZeroDuration()));
  EXPECT_FALSE(stage_.went_on.HasBeenNotified());
  {
    absl::MutexLock lock(&stage_.mutex);
    stage_.resume(7);
  }
  stage_.went_on.WaitForNotification();
  EXPECT_TRUE(nursery_.WaitUntilEmpty(absl::Seconds(30)));
  EXPECT_EQ(records_.Await(1).size(), 1u);
}

TEST_F(BridgeTest, AMessageThatCannotBeParsedIsAnInvalidRequest) {
  const std::string not_utf8 = std::string("\x0a\x02") + "\xc3\x28";
  const grpc::Status status = CallRaw(not_utf8);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_details(), HasSubstr("INVALID_REQUEST"));
  EXPECT_EQ(CallRaw("\x0a\x7f").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(BridgeTest, AnOversizedMessageIsAnInvalidRequest) {
  const grpc::Status status = Call(std::string(64 * 1024, 'x'));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("at most 65536"));
  EXPECT_TRUE(Call(std::string(60 * 1024, 'x')).ok());
}

}  // namespace
}  // namespace authflow
