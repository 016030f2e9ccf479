#include "server/base/kill_point.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>

namespace authflow {
namespace {

std::string FileOfThisTest() { return testing::TempDir() + "/kill_points"; }

// In a process of its own: what is armed is read once.
void PassFourTimes(const char* point) {
  setenv("AUTHFLOW_KILL_POINT", point, 1);
  setenv("AUTHFLOW_KILL_POINT_FILE", FileOfThisTest().c_str(), 1);
  for (int i = 0; i < 4; ++i) {
    KillPoint(KillPointName::kBeforeCommit);
    KillPoint(KillPointName::kAfterSinkAnswer);
  }
  std::_Exit(0);
}

TEST(KillPointTest, TheProcessDiesThereAtThatPass) {
  EXPECT_EXIT(PassFourTimes("after_sink_answer:4"), testing::KilledBySignal(SIGKILL), "");
  std::string line;
  std::ifstream(FileOfThisTest()) >> line;
  EXPECT_EQ(line, "after_sink_answer");
}

TEST(KillPointTest, AnotherPointOrALaterPassLetsItLive) {
  EXPECT_EXIT(PassFourTimes("after_sink_answer:5"), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(PassFourTimes("while_draining:1"), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace authflow
