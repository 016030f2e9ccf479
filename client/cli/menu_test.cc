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

void Type(Menu& menu, const std::string& text) {
  for (char letter : text) menu.Press({Key::kText, std::string(1, letter)});
}

Menu Fruit(size_t pinned = 0) {
  return Menu("Which?", {"Apple (eu)", "Banana (us)", "Pineapple (us)", "New one"}, pinned);
}

// What stands between title and hint.
std::vector<std::string> Shown(const Menu& menu) {
  auto lines = menu.Lines(80, 24);
  return {lines.begin() + 1, lines.end() - 1};
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

TEST(MenuTest, TypingNarrowsTheListWhateverTheCaseAndOrderOfTheWords) {
  Menu menu = Fruit();
  Type(menu, "APPLE");
  EXPECT_THAT(Shown(menu), ElementsAre("> Apple (eu)", "  Pineapple (us)"));
  EXPECT_EQ(menu.Lines(80, 24).front(), "Which? APPLE");
  Type(menu, " us");
  EXPECT_THAT(Shown(menu), ElementsAre("> Pineapple (us)"));
  EXPECT_EQ(menu.Press({Key::kEnter}), Menu::After::kChosen);
  EXPECT_EQ(menu.index(), 2u);
}

TEST(MenuTest, ErasingWidensTheListAndKeepsTheChosenOne) {
  Menu menu = Fruit();
  Type(menu, "pineb");
  EXPECT_THAT(Shown(menu), ElementsAre("  (nothing matches)"));
  EXPECT_EQ(menu.Press({Key::kEnter}), Menu::After::kOpen);
  menu.Press({Key::kBackspace});
  EXPECT_THAT(Shown(menu), ElementsAre("> Pineapple (us)"));
  menu.Press({Key::kClearLine});
  EXPECT_EQ(menu.index(), 2u);
  EXPECT_EQ(Shown(menu).size(), 4u);
}

TEST(MenuTest, EscTakesTheFilterAwayBeforeItCancels) {
  Menu menu = Fruit();
  Type(menu, "ban");
  EXPECT_EQ(menu.Press({Key::kEscape}), Menu::After::kOpen);
  EXPECT_EQ(Shown(menu).size(), 4u);
  EXPECT_EQ(menu.Press({Key::kEscape}), Menu::After::kCancelled);
}

TEST(MenuTest, APinnedItemIsOfferedWhateverIsTyped) {
  Menu menu = Fruit(1);
  Type(menu, "ban");
  EXPECT_THAT(Shown(menu), ElementsAre("> Banana (us)", "  New one"));
  Type(menu, "zzz");
  EXPECT_THAT(Shown(menu), ElementsAre("> New one"));
  EXPECT_EQ(menu.Press({Key::kEnter}), Menu::After::kChosen);
  EXPECT_EQ(menu.index(), 3u);
}

TEST(MenuTest, StartsWhereItIsTold) { EXPECT_EQ(Menu("Which?", {"a", "b", "c"}, 0, 1).chosen(), "b"); }

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
  EXPECT_THAT(menu.Lines(80, 24), ElementsAre("Which?", "  item 1", "> item 2", testing::StartsWith("Arrow keys")));
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

TEST(PrintableTest, NothingTurnsTheDirectionOfWriting) { EXPECT_EQ(Printable("a\u202Eb\u2066c"), "a?b?c"); }

TEST(ShortenedTest, CountsColumns) {
  EXPECT_EQ(ColumnsOf("abc äöü"), 7);
  EXPECT_EQ(ColumnsOf("日本🍎"), 6);
  EXPECT_EQ(ColumnsOf("e\u0301"), 1);
  EXPECT_EQ(Shortened("日本語", 5), "日本…");
  EXPECT_EQ(Shortened("日本語", 6), "日本語");
}

TEST(WrappedTest, BreaksBetweenWordsAlone) {
  EXPECT_EQ(Wrapped("one two three", 7), "one two\nthree");
  EXPECT_EQ(Wrapped("日本 日本 日本", 9), "日本 日本\n日本");
  EXPECT_EQ(Wrapped("at https://id.example.com/auth now", 10), "at\nhttps://id.example.com/auth\nnow");
  EXPECT_EQ(Wrapped("two\n\n    lines\n", 10), "two\n\n    lines\n");
  EXPECT_EQ(Wrapped("", 10), "");
}

TEST(ShortenedTest, CountsCharactersAndNotBytes) {
  EXPECT_EQ(Shortened("äöü", 3), "äöü");
  EXPECT_EQ(Shortened("äöüß", 3), "äö…");
}

}  // namespace
}  // namespace authflow
