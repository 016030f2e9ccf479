#include "client/cli/menu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/printable.h"

namespace authflow {
namespace {

using testing::ElementsAre;

Menu Of(size_t count) {
  std::vector<std::string> items;
  for (size_t i = 1; i <= count; ++i) items.push_back("item " + std::to_string(i));
  return Menu("Which?", std::move(items));
}

void Type(Menu& menu, const std::string& digits) {
  for (char digit : digits) menu.Press({Key::kText, std::string(1, digit)});
}

TEST(MenuTest, ArrowsGoRound) {
  Menu menu = Of(3);
  menu.Press({Key::kUp});
  EXPECT_EQ(menu.index(), 2u);
  menu.Press({Key::kDown});
  EXPECT_EQ(menu.index(), 0u);
  menu.Press({Key::kEnd});
  EXPECT_EQ(menu.index(), 2u);
}

TEST(MenuTest, ANumberChoosesItsItem) {
  Menu menu = Of(12);
  Type(menu, "1");
  EXPECT_EQ(menu.index(), 0u);
  Type(menu, "2");
  EXPECT_EQ(menu.index(), 11u);
  Type(menu, "3");  // there is no 123
  EXPECT_EQ(menu.index(), 2u);
  Type(menu, "0");
  EXPECT_EQ(menu.index(), 2u);
}

TEST(MenuTest, EnterChoosesAndEscCancels) {
  Menu menu = Of(2);
  EXPECT_EQ(menu.Press({Key::kDown}), Menu::After::kOpen);
  EXPECT_EQ(menu.Press({Key::kEscape}), Menu::After::kCancelled);
  EXPECT_EQ(menu.Press({Key::kCancel}), Menu::After::kCancelled);
  EXPECT_EQ(menu.Press({Key::kEnter}), Menu::After::kChosen);
  EXPECT_EQ(menu.chosen(), "item 2");
}

TEST(MenuTest, ShowsTheChosenOneMarked) {
  Menu menu = Of(2);
  menu.Press({Key::kDown});
  EXPECT_THAT(menu.Lines(80, 24),
              ElementsAre("Which?", "  1. item 1", "> 2. item 2", testing::StartsWith("Arrow keys")));
}

TEST(MenuTest, FitsAnyTerminalAndAlwaysShowsTheChosenOne) {
  Menu menu = Of(1000);
  for (int presses = 0; presses < 30; ++presses) {
    menu.Press({Key::kPageDown});
    for (const auto& [width, height] : {std::pair{20, 6}, {80, 24}, {200, 5}}) {
      const auto lines = menu.Lines(width, height);
      EXPECT_LT(lines.size(), static_cast<size_t>(height));
      int marked = 0;
      for (const auto& line : lines) {
        marked += line.starts_with("> ");
        EXPECT_LE(line.size(), static_cast<size_t>(width) + 2) << line;  // "…" has three bytes
      }
      EXPECT_EQ(marked, 1);
    }
  }
}

TEST(PrintableTest, NothingMovesTheCursor) {
  EXPECT_EQ(Printable("a\x1b[2Jb\r\tc\x7f"), "a?[2Jb??c?");
  EXPECT_EQ(Printable("two\nlines"), "two\nlines");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "31m"),
            "?31m");  // CSI as one character
  EXPECT_EQ(Printable("ä \xff€"), "ä ?€");
}

TEST(ShortenedTest, CountsCharactersAndNotBytes) {
  EXPECT_EQ(Shortened("äöü", 3), "äöü");
  EXPECT_EQ(Shortened("äöüß", 3), "äö…");
}

}  // namespace
}  // namespace authflow
