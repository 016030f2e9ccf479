#include "server/rpc/admission.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace authflow {
namespace {

class AdmissionTest : public testing::Test {
 protected:
  // How many of `count` that come now are admitted.
  size_t Come(size_t count) {
    const size_t before = waiting_.size();
    for (size_t i = 0; i < count; ++i) {
      if (Admission::Ticket ticket = admission_.Enter(now_)) waiting_.push_back(std::move(ticket));
    }
    return waiting_.size() - before;
  }
  void Answer(size_t count) { waiting_.resize(waiting_.size() - count); }
  void Pass(int patiences = 1) { now_ += patiences * Admission::kPatience; }
  // 4000 wait all through a patience in which so many are answered. Nobody waits after it.
  void BeBusy(size_t answers) {
    Come(4000);
    Pass();
    for (size_t i = 0; i < answers; ++i) {
      Come(1);
      Answer(1);
    }
    Pass();
    Come(1);
    Answer(waiting_.size());
  }

  Admission admission_;
  std::vector<Admission::Ticket> waiting_;
  Admission::Clock::time_point now_{std::chrono::hours(1)};
};

TEST_F(AdmissionTest, BeforeAPaceIsKnownTheDefaultMayWaitAndEachAnswerMakesRoomForOne) {
  EXPECT_EQ(Come(Admission::kUnknown + 100), Admission::kUnknown);
  Answer(10);
  EXPECT_EQ(Come(100), 10u);
}

TEST_F(AdmissionTest, AsManyMayWaitAsABusyServerAnswersInOnePatience) {
  BeBusy(1500);
  EXPECT_EQ(Come(9000), 1500u);
}

TEST_F(AdmissionTest, AQuickServerAdmitsMoreThanTheDefault) {
  BeBusy(8000);
  EXPECT_EQ(Come(9000), 8000u);
}

TEST_F(AdmissionTest, ASlowServerAdmitsAFewAllTheSame) {
  BeBusy(10);
  EXPECT_EQ(Come(9000), Admission::kFew);
}

TEST_F(AdmissionTest, ABurstIsNotHeldAgainstAServerThatHadLittleToDo) {
  Answer(Come(1));
  Pass();
  EXPECT_EQ(Come(3000), 3000u);  // at the end of a quiet time
  Pass();
  EXPECT_EQ(Come(9000), Admission::kUnknown - 3000);
}

TEST_F(AdmissionTest, WhatWasAnsweredInALongTimeIsNotTakenForOnePatience) {
  Come(4000);
  Pass();
  Come(1);
  Answer(3000);
  Pass(3);
  Come(1);
  Answer(1000);
  EXPECT_EQ(Come(9000), 999u);
}

}  // namespace
}  // namespace authflow
