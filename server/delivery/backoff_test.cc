#include "server/delivery/backoff.h"

#include <gtest/gtest.h>

#include <string>

namespace authflow {
namespace {

TEST(BackoffTest, DoublesFromHalfASecondToAMinute) {
  const struct {
    int failures;
    absl::Duration ceiling;
  } kTable[] = {
      {0, absl::Milliseconds(500)},
      {1, absl::Milliseconds(500)},
      {2, absl::Seconds(1)},
      {3, absl::Seconds(2)},
      {4, absl::Seconds(4)},
      {5, absl::Seconds(8)},
      {6, absl::Seconds(16)},
      {7, absl::Seconds(32)},
      {8, absl::Seconds(60)},
      {9, absl::Seconds(60)},
      {1'000'000'000, absl::Seconds(60)},
  };
  for (const auto& row : kTable) {
    EXPECT_EQ(Backoff(row.failures, 1), row.ceiling) << row.failures;
    EXPECT_EQ(Backoff(row.failures, 0.25), row.ceiling / 4) << row.failures;
    EXPECT_EQ(Backoff(row.failures, 0), absl::ZeroDuration()) << row.failures;
  }
}

TEST(BackoffTest, RetryAfterIsObeyedUpToFiveMinutes) {
  EXPECT_EQ(Rest(1, 0.5, std::nullopt), absl::Milliseconds(250));
  EXPECT_EQ(Rest(1, 0.5, absl::Seconds(20)), absl::Seconds(20));
  EXPECT_EQ(Rest(9, 0.5, absl::Seconds(20)), absl::Seconds(30)) << "the backoff is longer";
  EXPECT_EQ(Rest(1, 0.5, absl::Hours(9)), absl::Minutes(5));
  EXPECT_EQ(Rest(1, 0.5, absl::InfiniteDuration()), absl::Minutes(5));
}

TEST(BackoffTest, RetryAfterIsSecondsOrADate) {
  const absl::Time now = absl::FromCivil(absl::CivilSecond(2026, 11, 24, 12, 0, 0), absl::UTCTimeZone());
  const struct {
    std::string value;
    std::optional<absl::Duration> expected;
  } kTable[] = {
      {"0", absl::ZeroDuration()},
      {"120", absl::Seconds(120)},
      {" 7 ", absl::Seconds(7)},
      {"99999999999999999999", absl::InfiniteDuration()},
      {"Tue, 24 Nov 2026 12:00:30 GMT", absl::Seconds(30)},
      {"Tue, 24 Nov 2026 11:59:00 GMT", absl::ZeroDuration()},
      {"", std::nullopt},
      {"-1", std::nullopt},
      {"1.5", std::nullopt},
      {"soon", std::nullopt},
      {"Tue, 24 Nov 2026", std::nullopt},
  };
  for (const auto& row : kTable) EXPECT_EQ(ParseRetryAfter(row.value, now), row.expected) << row.value;
}

}  // namespace
}  // namespace authflow
