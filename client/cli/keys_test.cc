#include "client/cli/keys.h"

#include <gtest/gtest.h>

#include <vector>

namespace authflow {
namespace {

std::vector<Key> All(std::string_view bytes, bool waited) {
  KeyDecoder decoder;
  decoder.Feed(bytes);
  std::vector<Key> keys;
  while (auto key = decoder.Next(waited)) keys.push_back(*key);
  return keys;
}

TEST(KeyDecoderTest, KnowsTheKeysOfTerminals) {
  const struct {
    std::string_view bytes;
    Key key;
  } kCases[] = {{"a", {Key::kText, "a"}},     {"\xc3\xa4", {Key::kText, "ä"}},
                {"\r", {Key::kEnter}},        {"\n", {Key::kEnter}},
                {"\x7f", {Key::kBackspace}},  {"\x08", {Key::kBackspace}},
                {"\x03", {Key::kCancel}},     {"\x04", {Key::kCancel}},
                {"\x15", {Key::kClearLine}},  {"\x1b[A", {Key::kUp}},
                {"\x1bOA", {Key::kUp}},       {"\x1b[B", {Key::kDown}},
                {"\x1b[H", {Key::kHome}},     {"\x1b[4~", {Key::kEnd}},
                {"\x1b[5~", {Key::kPageUp}},  {"\x1b[6~", {Key::kPageDown}},
                {"\x1b[1;5C", {Key::kOther}}, {"\t", {Key::kOther}},
                {"\xff", {Key::kOther}},      {"\xf0\x9f\x98\x80", {Key::kText, "\xf0\x9f\x98\x80"}}};
  for (const auto& c : kCases) {
    EXPECT_EQ(All(c.bytes, false), std::vector<Key>{c.key}) << testing::PrintToString(c.bytes);
  }
}

TEST(KeyDecoderTest, ALoneEscIsAKeyOnlyAfterAMoment) {
  EXPECT_TRUE(All("\x1b", false).empty());
  EXPECT_EQ(All("\x1b", true), std::vector<Key>{{Key::kEscape}});
}

TEST(KeyDecoderTest, EscBeforeAnotherKeyIsEsc) {
  EXPECT_EQ(All("\x1bx", false), (std::vector<Key>{{Key::kEscape}, {Key::kText, "x"}}));
}

TEST(KeyDecoderTest, ASequenceMayComeInPieces) {
  KeyDecoder decoder;
  for (const char* piece : {"\x1b", "["}) {
    decoder.Feed(piece);
    EXPECT_FALSE(decoder.Next(false).has_value());
    EXPECT_TRUE(decoder.pending());
  }
  decoder.Feed("A");
  EXPECT_EQ(decoder.Next(false)->kind, Key::kUp);
  EXPECT_FALSE(decoder.pending());
}

TEST(KeyDecoderTest, ABrokenCharacterIsNotText) {
  EXPECT_EQ(All("\xc3", true), std::vector<Key>{{Key::kOther}});
  EXPECT_EQ(All("\xc3y", true), std::vector<Key>{{Key::kOther}});
}

}  // namespace
}  // namespace authflow
