#include "client/cli/menu.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/printable.h"

namespace authflow {
namespace {

constexpr size_t kPage = 10;
constexpr size_t kLongestFilter = 256;
constexpr char kHint[] = "Arrow keys, or type to filter. Enter to choose, Esc to cancel.";
constexpr char kFilteredHint[] = "Enter to choose, Esc to see all again.";

}  // namespace

Filter::Filter(const std::vector<std::string>& items) : all_(items.size()) {
  for (const auto& item : items) folded_.push_back(absl::AsciiStrToLower(item));
  std::iota(all_.begin(), all_.end(), 0);
}

std::vector<size_t> Filter::Matches(std::string_view text, const std::vector<size_t>& among) const {
  const std::vector<std::string> words =
      absl::StrSplit(absl::AsciiStrToLower(std::string(text)), ' ', absl::SkipEmpty());
  std::vector<size_t> found;
  for (const size_t index : among) {
    const std::string& item = folded_[index];
    if (std::all_of(words.begin(), words.end(), [&](const auto& word) { return item.find(word) != item.npos; })) {
      found.push_back(index);
    }
  }
  return found;
}

std::vector<size_t> Filter::Matches(std::string_view text) const { return Matches(text, all_); }

Menu::Menu(std::string title, std::vector<std::string> items, size_t pinned, size_t start)
    : title_(std::move(title)),
      items_(std::move(items)),
      pinned_(std::min(pinned, items_.size())),
      filter_(items_),
      matches_(filter_.Matches("")),
      at_(std::min(start, items_.size() - 1)) {}

// More was typed: only what matched so far can match.
void Menu::Narrow() {
  matches_ = filter_.Matches(typed_, matches_);
  const size_t first_pinned = items_.size() - pinned_;
  std::erase_if(matches_, [&](size_t index) { return index >= first_pinned; });
  for (size_t index = first_pinned; index < items_.size(); ++index) matches_.push_back(index);
  at_ = 0;
}

// Less is typed; the chosen item stays the chosen one.
void Menu::Widen() {
  const size_t before = matches_.empty() ? 0 : index();
  matches_ = filter_.Matches("");
  if (!typed_.empty()) Narrow();
  const auto found = std::find(matches_.begin(), matches_.end(), before);
  at_ = found == matches_.end() ? 0 : found - matches_.begin();
}

Menu::After Menu::Press(const Key& key) {
  const size_t last = matches_.empty() ? 0 : matches_.size() - 1;
  switch (key.kind) {
    case Key::kEnter:
      return matches_.empty() ? After::kOpen : After::kChosen;
    case Key::kEscape:
      if (typed_.empty()) return After::kCancelled;
      typed_.clear();
      Widen();
      break;
    case Key::kCancel:
      return After::kCancelled;
    case Key::kUp:
      at_ = at_ == 0 ? last : at_ - 1;
      break;
    case Key::kDown:
      at_ = at_ == last ? 0 : at_ + 1;
      break;
    case Key::kHome:
      at_ = 0;
      break;
    case Key::kEnd:
      at_ = last;
      break;
    case Key::kPageUp:
      at_ -= std::min(at_, kPage);
      break;
    case Key::kPageDown:
      at_ = std::min(last, at_ + kPage);
      break;
    case Key::kText:
      if (typed_.size() + key.text.size() > kLongestFilter || (typed_.empty() && key.text == " ")) break;
      typed_ += key.text;
      Narrow();
      break;
    case Key::kBackspace:
      EraseLast(typed_);
      Widen();
      break;
    case Key::kClearLine:
      typed_.clear();
      Widen();
      break;
    default:
      break;
  }
  return After::kOpen;
}

std::vector<std::string> Menu::Lines(int width, int height) const {
  const int columns = std::max(10, width - 1);
  if (height < 5) return {Shortened(matches_.empty() ? "> " : absl::StrCat("> ", chosen()), columns)};
  const size_t rows = height - 4;
  const size_t shown = std::min(rows, matches_.size());
  // The window keeps the chosen one near its middle.
  const size_t first = std::min(matches_.size() - shown, at_ - std::min(at_, shown / 2));
  std::vector<std::string> lines = {Shortened(typed_.empty() ? title_ : absl::StrCat(title_, " ", typed_), columns)};
  for (size_t i = first; i < first + shown; ++i) {
    lines.push_back(Shortened(absl::StrCat(i == at_ ? "> " : "  ", items_[matches_[i]]), columns));
  }
  if (matches_.empty()) {
    lines.push_back(Shortened("  (nothing matches)", columns));
  } else if (shown < matches_.size()) {
    lines.push_back(
        Shortened(absl::StrCat("  (", first + 1, "-", first + shown, " of ", matches_.size(), ")"), columns));
  }
  lines.push_back(Shortened(typed_.empty() ? kHint : kFilteredHint, columns));
  return lines;
}

}  // namespace authflow
