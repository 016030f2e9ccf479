#include "server/base/log/log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>
#include <type_traits>
#include <vector>

#include "server/base/secret.h"

namespace authflow {
namespace {

static_assert(!std::is_convertible_v<Secret, LogValue>, "a secret must not become a field");

const absl::Time kTime = absl::FromUnixMillis(1795527360123);

TEST(LogTest, TextReadsAsASentenceWithFields) {
  EXPECT_EQ(
      FormatLogLine(
          LogFormat::kText, kTime, LogLevel::kInfo, "flow finished",
          {{"flow_id", "f-1"}, {"latency_ms", 3}, {"ok", true}, {"share", 0.5}, {"step", ""}, {"why", "a b"}}),
      "2026-11-24T13:36:00.123Z INFO  flow finished flow_id=f-1 latency_ms=3 ok=true share=0.5 step=\"\" why=\"a b\"");
}

TEST(LogTest, JsonIsOneObjectALine) {
  EXPECT_EQ(
      FormatLogLine(LogFormat::kJson, kTime, LogLevel::kError, "flow finished",
                    {{"flow_id", "f-1"}, {"latency_ms", uint64_t{3}}, {"ok", false}}),
      "{\"time\":\"2026-11-24T13:36:00.123Z\",\"level\":\"error\",\"event\":\"flow finished\",\"flow_id\":\"f-1\","
      "\"latency_ms\":3,\"ok\":false}");
}

TEST(LogTest, NoValueBreaksALineOrATerminal) {
  for (const std::string& value :
       {std::string("a\nb"), std::string("\x1b[31m"), std::string("a\0b", 3), std::string("\xff\xfe"),
        std::string("\x7f"), std::string("\xc2\x9b"), std::string("\" x=\"1"), std::string("\\")}) {
    for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
      const std::string line = FormatLogLine(format, kTime, LogLevel::kInfo, "event " + value, {{"value", value}});
      for (const char c : line) EXPECT_TRUE(static_cast<unsigned char>(c) >= ' ' && c != 0x7f) << line;
      EXPECT_EQ(line.find("\xc2\x9b"), std::string::npos);
      if (format == LogFormat::kJson) {
        const auto json = nlohmann::json::parse(line, nullptr, false);
        ASSERT_TRUE(json.is_object()) << line;
        EXPECT_EQ(json.size(), 4u);
      }
    }
  }
  EXPECT_NE(FormatLogLine(LogFormat::kText, kTime, LogLevel::kInfo, "e", {{"name", "Zoë"}}).find("\"Zoë\""),
            std::string::npos);
}

TEST(LogTest, NamesOfLevelsAndFormats) {
  EXPECT_EQ(ParseLogLevel("warning"), LogLevel::kWarning);
  EXPECT_EQ(ParseLogLevel("loud"), std::nullopt);
  EXPECT_EQ(ParseLogFormat("json"), LogFormat::kJson);
  EXPECT_EQ(ParseLogFormat(""), std::nullopt);
}

TEST(LogTest, EveryThreadsLinesAreWrittenBeforeTheEnd) {
  testing::internal::CaptureStderr();
  StartLog(LogFormat::kJson, LogLevel::kInfo);
  EXPECT_FALSE(IsLogged(LogLevel::kDebug));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int j = 0; j < 100; ++j) Log(LogLevel::kInfo, "counted", {{"number", j}});
      Log(LogLevel::kDebug, "not logged");
    });
  }
  for (std::thread& thread : threads) thread.join();
  StopLog();
  Log(LogLevel::kInfo, "after the end");
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 401) << text;
  EXPECT_EQ(text.find("not logged"), std::string::npos);
  EXPECT_NE(text.find("after the end"), std::string::npos);
}

}  // namespace
}  // namespace authflow
