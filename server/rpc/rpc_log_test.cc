#include "server/rpc/rpc_log.h"

#include <gtest/gtest.h>

namespace authflow {
namespace {

RpcRecord Record(absl::StatusCode code, const char* method = "GetFlow", absl::Duration latency = {}) {
  RpcRecord record;
  record.method = RpcMethodIndex(method);
  record.code = code;
  record.latency = latency;
  return record;
}

TEST(RpcLogTest, FailuresAndSlowCallsAndASampleAreTold) {
  EXPECT_EQ(LevelOf(Record(absl::StatusCode::kOk), 1), LogLevel::kDebug);
  EXPECT_EQ(LevelOf(Record(absl::StatusCode::kOk), 99), LogLevel::kDebug);
  EXPECT_EQ(LevelOf(Record(absl::StatusCode::kOk), 100), LogLevel::kInfo);
  EXPECT_EQ(LevelOf(Record(absl::StatusCode::kOk, "GetFlow", absl::Milliseconds(1001)), 1), LogLevel::kInfo);
  EXPECT_EQ(LevelOf(Record(absl::StatusCode::kOk, "WatchFlow", absl::Minutes(5)), 1), LogLevel::kDebug);
  EXPECT_EQ(LevelOf(Record(absl::StatusCode::kCancelled, "WatchFlow"), 1), LogLevel::kDebug);
  EXPECT_EQ(LevelOf(Record(absl::StatusCode::kInvalidArgument), 1), LogLevel::kInfo);
  EXPECT_EQ(LevelOf(Record(absl::StatusCode::kInternal), 1), LogLevel::kError);
  EXPECT_EQ(LevelOf(Record(absl::StatusCode::kUnknown), 1), LogLevel::kError);
  RpcRecord full = Record(absl::StatusCode::kResourceExhausted);
  full.reason = v1::ERROR_CLASS_STORE_FULL;
  EXPECT_EQ(LevelOf(full, 1), LogLevel::kWarning);
}

TEST(RpcLogTest, ASecondHasSoManyLinesAndTheNextSaysHowManyItLeftOut) {
  LineLimit limit(2);
  EXPECT_EQ(limit.Take(7), 0);
  EXPECT_EQ(limit.Take(7), 0);
  EXPECT_EQ(limit.Take(7), std::nullopt);
  EXPECT_EQ(limit.Take(7), std::nullopt);
  EXPECT_EQ(limit.Take(8), 2);
  EXPECT_EQ(limit.Take(8), 0);
  EXPECT_EQ(limit.Take(8), std::nullopt);
}

}  // namespace
}  // namespace authflow
