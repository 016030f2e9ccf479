#include "client/cli/output.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "client/cli/wait_line.h"

// What a terminal shows is tests/e2e/test_waits.py's.
namespace authflow {
namespace {

TEST(LooksTest, WithoutATerminalNothingMovesAndNothingHasColour) {
  setenv("TERM", "xterm", 1);
  unsetenv("NO_COLOR");
  testing::internal::CaptureStderr();
  const Output out(false, false);
  EXPECT_FALSE(out.looks().redraws);
  EXPECT_FALSE(out.looks().colour);
  out.ShowLine("moving");
  out.Say("said\nmore", Tone::kBad);
  out.SayOnce("once");
  out.SayOnce("once");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "said\nmore\nonce\n");
}

TEST(LooksTest, TheLocaleSaysWhetherThereIsUnicode) {
  const struct {
    const char* all;
    const char* lang;
    bool unicode;
  } kCases[] = {
      {"", "C.UTF-8", true}, {"", "de_DE.utf8", true}, {"", "C", false}, {"C", "de_DE.UTF-8", false}, {"", "", false}};
  unsetenv("LC_CTYPE");
  for (const auto& c : kCases) {
    setenv("LC_ALL", c.all, 1);
    setenv("LANG", c.lang, 1);
    EXPECT_EQ(LooksNow().unicode, c.unicode) << c.all << c.lang;
  }
}

TEST(ColouredTest, PlainTextAndPlainTerminalsStayPlain) {
  EXPECT_EQ(Coloured("text", Tone::kGood, true), "\x1b[32mtext\x1b[0m");
  EXPECT_EQ(Coloured("text", Tone::kGood, false), "text");
  EXPECT_EQ(Coloured("text", Tone::kPlain, true), "text");
  EXPECT_EQ(Coloured("", Tone::kBad, true), "");
}

TEST(TimeLeftTest, IsRoundedUpAndNeverNegative) {
  using std::chrono::milliseconds;
  EXPECT_EQ(TimeLeft(milliseconds(600'000)), "10:00");
  EXPECT_EQ(TimeLeft(milliseconds(60'001)), "1:01");
  EXPECT_EQ(TimeLeft(milliseconds(1)), "0:01");
  EXPECT_EQ(TimeLeft(milliseconds(-5000)), "0:00");
}

}  // namespace
}  // namespace authflow
