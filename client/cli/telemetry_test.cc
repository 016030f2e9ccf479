#include "client/cli/telemetry.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace authflow {
namespace {

using By = TelemetryChoice::By;

class TelemetryTest : public testing::Test {
 protected:
  void SetUp() override {
    unsetenv("DO_NOT_TRACK");
    unsetenv("AUTHFLOW_TELEMETRY");
    std::string folder = testing::TempDir() + "/telemetryXXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folders_.config = folder + "/config";
  }
  void Expect(bool on, By by) {
    const TelemetryChoice choice = ChosenTelemetry(folders_);
    EXPECT_EQ(choice.on, on);
    EXPECT_EQ(choice.by, by);
  }
  Folders folders_;
};

TEST_F(TelemetryTest, IsOnUntilSomebodySaysOtherwise) { Expect(true, By::kDefault); }

TEST_F(TelemetryTest, AChoiceIsKept) {
  ASSERT_TRUE(KeepTelemetry(folders_, false).ok());
  Expect(false, By::kFile);
  ASSERT_TRUE(KeepTelemetry(folders_, true).ok());
  Expect(true, By::kFile);
}

TEST_F(TelemetryTest, TheEnvironmentBeatsWhatIsKept) {
  ASSERT_TRUE(KeepTelemetry(folders_, false).ok());
  setenv("AUTHFLOW_TELEMETRY", "1", 1);
  Expect(true, By::kAuthflowTelemetry);
  setenv("DO_NOT_TRACK", "1", 1);
  Expect(false, By::kDoNotTrack);
  ASSERT_TRUE(KeepTelemetry(folders_, true).ok());
  Expect(false, By::kDoNotTrack);
  setenv("DO_NOT_TRACK", "0", 1);
  setenv("AUTHFLOW_TELEMETRY", "0", 1);
  Expect(false, By::kAuthflowTelemetry);
}

TEST_F(TelemetryTest, WhatCannotBeUnderstoodIsOff) {
  ASSERT_TRUE(KeepTelemetry(folders_, true).ok());
  std::ofstream(TelemetryPath(folders_)) << "of course not\n";
  Expect(false, By::kFile);
  setenv("AUTHFLOW_TELEMETRY", "disabled", 1);
  Expect(false, By::kAuthflowTelemetry);
}

TEST_F(TelemetryTest, WithoutAHomeItIsNotKept) {
  folders_.config.clear();
  EXPECT_FALSE(KeepTelemetry(folders_, false).ok());
  Expect(true, By::kDefault);
}

}  // namespace
}  // namespace authflow
