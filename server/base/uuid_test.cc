#include "server/base/uuid.h"

#include <gtest/gtest.h>

#include <set>

#include "server/base/clock.h"
#include "server/base/random.h"
#include "server/base/secret.h"

namespace authflow {
namespace {

constexpr char kText[] = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

TEST(UuidTest, ParsesEitherCaseAndPrintsLowerCase) {
  EXPECT_EQ(Uuid::Parse(kText)->ToString(), kText);
  EXPECT_EQ(Uuid::Parse("6BA7B810-9DAD-11D1-80B4-00C04FD430C8")->ToString(), kText);
  EXPECT_EQ(*Uuid::FromBytes(Uuid::Parse(kText)->AsBytes()), *Uuid::Parse(kText));
}

TEST(UuidTest, RefusesAnythingElse) {
  for (const std::string text :
       {"", "6ba7b810", "6ba7b8109dad11d180b400c04fd430c8", "6ba7b810-9dad-11d1-80b4-00c04fd430c8 ",
        "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", "6ba7b810-9dad-11d1-80b4-00c04fd430cg",
        "6ba7b81-09dad-11d1-80b4-00c04fd430c8", "6ba7b810-9dad-11d1-80b4-00c04fd430-8"}) {
    EXPECT_FALSE(Uuid::Parse(text)) << text;
  }
  EXPECT_FALSE(Uuid::FromBytes("too short"));
}

// RFC 9562 A.4.
TEST(UuidTest, NameBasedIsVersion5) {
  EXPECT_EQ(Uuid::NameBased(*Uuid::Parse(kText), "www.example.com").ToString(), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

TEST(UuidTest, RandomOnesAreVersion7OfTheirTime) {
  std::set<Uuid> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(RandomUuid(absl::FromUnixMillis(0x017f22e279b0)));
  EXPECT_EQ(seen.size(), 1000u);
  for (const Uuid& uuid : seen) {
    EXPECT_EQ(uuid.version(), 7);
    EXPECT_EQ(uuid.ToString().substr(0, 14), "017f22e2-79b0-");
    EXPECT_EQ(uuid.bytes[8] & 0xc0, 0x80);
  }
}

TEST(RandomTest, FractionsAreInTheHalfOpenUnitInterval) {
  for (int i = 0; i < 1000; ++i) {
    const double fraction = RandomFraction();
    EXPECT_GE(fraction, 0);
    EXPECT_LT(fraction, 1);
  }
  EXPECT_EQ(RandomBytes(33).size(), 33u);
}

TEST(ClockTest, TheSystemClockIsNearTheWallAndNeverGoesBack) {
  const SystemClock clock;
  absl::Time last = clock.Now();
  EXPECT_LT(absl::AbsDuration(last - absl::FromUnixSeconds(time(nullptr))), absl::Seconds(5));
  for (int i = 0; i < 1000; ++i) {
    const absl::Time now = clock.Now();
    EXPECT_GE(now, last);
    last = now;
  }
}

TEST(ClockTest, TheFakeClockStandsUntilTold) {
  FakeClock clock(absl::FromUnixSeconds(5));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(5));
  clock.Advance(absl::Milliseconds(1500));
  EXPECT_EQ(clock.Now(), absl::FromUnixMillis(6500));
}

TEST(SecretTest, ComparesWholeTexts) {
  EXPECT_TRUE(Secret("abc") == Secret("abc"));
  EXPECT_FALSE(Secret("abc") == Secret("abd"));
  EXPECT_FALSE(Secret("abc").Equals("abcd"));
  EXPECT_FALSE(Secret("abc").Equals(""));
  EXPECT_TRUE(Secret().Equals(""));
}

TEST(SecretTest, MovedFromIsEmptyForShortAndLongTexts) {
  for (const std::string text :
       {"s", "short", "exactly15chars!", "sixteen chars!!!", "a text that does not fit into the object"}) {
    Secret a{text};
    Secret b = std::move(a);
    EXPECT_TRUE(a.empty());  // NOLINT: this is the fact.
    EXPECT_EQ(b.Reveal(), text);
    Secret c;
    c = std::move(b);
    EXPECT_TRUE(b.empty());  // NOLINT
    EXPECT_EQ(c.Reveal(), text);
    Secret copy = c;
    copy = c;
    const Secret& self = copy;
    copy = self;
    EXPECT_EQ(copy.Reveal(), text);
    c = Secret("x");
    EXPECT_EQ(c.Reveal(), "x");
  }
}

// A short text lives inside the object: it can be looked at after the end.
TEST(SecretTest, ShortTextIsOverwrittenWhenTheSecretDies) {
  alignas(Secret) unsigned char memory[sizeof(Secret)];
  auto* secret = new (memory) Secret("hunter2");
  const char* text = secret->Reveal().data();
  ASSERT_GE(reinterpret_cast<const unsigned char*>(text), memory);
  const size_t offset = static_cast<size_t>(reinterpret_cast<const unsigned char*>(text) - memory);
  secret->~Secret();
  const volatile unsigned char* left = memory + offset;
  for (int i = 0; i < 7; ++i) EXPECT_EQ(left[i], 0) << i;
}

}  // namespace
}  // namespace authflow
