#include "server/rpc/status.h"

#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/error_class.h"

namespace authflow {
namespace {

google::rpc::ErrorInfo InfoOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), status.error_code());
  EXPECT_EQ(details.message(), status.error_message());
  google::rpc::ErrorInfo info;
  EXPECT_TRUE(details.details_size() >= 1 && details.details(0).UnpackTo(&info));
  EXPECT_EQ(details.details_size(), info.reason() == "SERVER_BUSY" ? 2 : 1);
  return info;
}

TEST(StatusTest, EveryClassKeepsItsCodeNameAndMetadata) {
  const auto* classes = v1::ErrorClass_descriptor();
  int seen = 0;
  for (int i = 0; i < classes->value_count(); ++i) {
    const auto error_class = static_cast<ErrorClass>(classes->value(i)->number());
    if (error_class == v1::ERROR_CLASS_UNSPECIFIED || IsClientClass(error_class)) continue;
    SCOPED_TRACE(classes->value(i)->name());
    const grpc::Status status = ToGrpc(Refusal(error_class, "a sentence", {{"flow_id", "f"}}));
    EXPECT_EQ(static_cast<int>(status.error_code()), static_cast<int>(CodeOf(error_class)));
    EXPECT_NE(status.error_code(), grpc::StatusCode::UNKNOWN);
    EXPECT_NE(status.error_code(), grpc::StatusCode::INTERNAL);
    EXPECT_EQ(status.error_message(), "a sentence");
    const auto info = InfoOf(status);
    EXPECT_EQ("ERROR_CLASS_" + info.reason(), classes->value(i)->name());
    EXPECT_EQ(info.domain(), "authflow");
    EXPECT_EQ(info.metadata().size(), 1u);
    EXPECT_EQ(info.metadata().at("flow_id"), "f");
    ++seen;
  }
  EXPECT_GT(seen, 30);
}

TEST(StatusTest, ABusyServerSaysWhenToTryAgain) {
  const grpc::Status status = ToGrpc(Refusal(v1::ERROR_CLASS_SERVER_BUSY, "busy"));
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(details.details_size() == 2 && details.details(1).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().nanos(), absl::ToInt64Nanoseconds(kBusyPause));
}

TEST(StatusTest, AStatusWithoutAClassHasNoDetails) {
  const grpc::Status status = ToGrpc(absl::InternalError("broken"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(status.error_message(), "broken");
  EXPECT_EQ(status.error_details(), "");
}

TEST(StatusTest, OkIsOk) { EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok()); }

}  // namespace
}  // namespace authflow
