#include "client/cli/menu.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/cli/printable.h"

namespace authflow {
namespace {

constexpr size_t kPage = 10;
constexpr char kHint[] = "Arrow keys or a number, Enter to choose, Esc to cancel.";

}  // namespace

Menu::After Menu::Press(const Key& key) {
  const size_t last = items_.size() - 1;
  size_t typed = 0;
  switch (key.kind) {
    case Key::kEnter:
      return After::kChosen;
    case Key::kEscape:
    case Key::kCancel:
      return After::kCancelled;
    case Key::kUp:
      index_ = index_ == 0 ? last : index_ - 1;
      break;
    case Key::kDown:
      index_ = index_ == last ? 0 : index_ + 1;
      break;
    case Key::kHome:
      index_ = 0;
      break;
    case Key::kEnd:
      index_ = last;
      break;
    case Key::kPageUp:
      index_ -= std::min(index_, kPage);
      break;
    case Key::kPageDown:
      index_ = std::min(last, index_ + kPage);
      break;
    case Key::kText:
      if (key.text.size() == 1 && key.text[0] >= '0' && key.text[0] <= '9') {
        const size_t digit = key.text[0] - '0';
        // "1" then "2" is 12 if there are that many, else 2.
        typed = typed_ * 10 + digit;
        if (typed < 1 || typed > items_.size()) typed = digit;
        if (typed >= 1 && typed <= items_.size()) index_ = typed - 1;
      }
      break;
    default:
      break;
  }
  typed_ = typed;
  return After::kOpen;
}

std::vector<std::string> Menu::Lines(int width, int height) const {
  const size_t columns = std::max(10, width - 1);
  const size_t rows = std::max(1, height - 4);
  const size_t shown = std::min(rows, items_.size());
  // The window keeps the chosen one near its middle.
  const size_t first = std::min(items_.size() - shown, index_ - std::min(index_, shown / 2));
  std::vector<std::string> lines = {Shortened(title_, columns)};
  for (size_t i = first; i < first + shown; ++i) {
    lines.push_back(Shortened(absl::StrCat(i == index_ ? "> " : "  ", i + 1, ". ", items_[i]), columns));
  }
  if (shown < items_.size()) {
    lines.push_back(Shortened(absl::StrCat("  (", first + 1, "-", first + shown, " of ", items_.size(), ")"), columns));
  }
  lines.push_back(Shortened(kHint, columns));
  return lines;
}

}  // namespace authflow
