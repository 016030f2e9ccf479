#include "server/applications/name_rules.h"

#include <gtest/gtest.h>

#include <string>

#include "server/base/error_class.h"

namespace authflow {
namespace {

std::string Repeat(const std::string& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

TEST(NameRulesTest, NamesThatAreFine) {
  for (const std::string& name : {std::string("a"), std::string("My App"), Repeat("x", 64), Repeat("\xC3\xA9", 64),
                                  Repeat("\xF0\x9F\x9A\x80", 64), std::string("\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D"),
                                  std::string("\xE6\x97\xA5\xE6\x9C\xAC")}) {
    EXPECT_TRUE(CheckName(name).ok()) << name;
  }
}

TEST(NameRulesTest, NamesThatAreRefused) {
  const struct {
    const char* why;
    std::string name;
  } kCases[] = {
      {"empty", ""},
      {"65 characters", Repeat("x", 65)},
      {"65 characters of two bytes", Repeat("\xC3\xA9", 65)},
      {"space in front", " a"},
      {"space at the end", "a "},
      {"nothing but a space", " "},
      {"no-break space at the end", "a\xC2\xA0"},
      {"ideographic space in front", "\xE3\x80\x80 a"},
      {"line feed", "a\nb"},
      {"escape", "a\x1B[31mb"},
      {"NUL", std::string("a\0b", 3)},
      {"DEL", "a\x7F"},
      {"C1 control (CSI)", "a\xC2\x9B"},
      {"line separator", "a\xE2\x80\xA8 b"},
      {"right-to-left override", "a\xE2\x80\xAE b"},
      {"right-to-left isolate", "a\xE2\x81\xA7 b"},
      {"right-to-left mark", "a\xE2\x80\x8F b"},
      {"lone continuation", "a\x80"},
      {"cut short", "a\xE2\x80"},
      {"overlong", "a\xC0\xAF"},
      {"overlong, three bytes", "a\xE0\x80\xAF"},
      {"surrogate", "a\xED\xA0\x80"},
      {"beyond Unicode", "a\xF4\x90\x80\x80"},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(ClassOf(CheckName(test.name)), v1::ERROR_CLASS_APPLICATION_NAME_INVALID) << test.why;
  }
}

}  // namespace
}  // namespace authflow
