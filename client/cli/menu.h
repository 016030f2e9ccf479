// A list to choose from: what keys do to it and how it looks. Pure; prompt.h puts it on a terminal.
#ifndef AUTHFLOW_CLIENT_CLI_MENU_H_
#define AUTHFLOW_CLIENT_CLI_MENU_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "client/cli/keys.h"

namespace authflow {

// Which items a person means who types part of them: those that have each of its words, whatever their case (ASCII).
class Filter {
 public:
  explicit Filter(const std::vector<std::string>& items);
  // Indices in order, out of `among`.
  std::vector<size_t> Matches(std::string_view text, const std::vector<size_t>& among) const;
  std::vector<size_t> Matches(std::string_view text) const;

 private:
  std::vector<std::string> folded_;
  std::vector<size_t> all_;
};

// A key costs a walk over the items that still match: 10,000 of them are far from being felt.
class Menu {
 public:
  // At least one item; the last `pinned` of them stand in the list whatever is typed. Text is taken as it is: make it
  // printable first.
  Menu(std::string title, std::vector<std::string> items, size_t pinned = 0, size_t start = 0);

  enum class After { kOpen, kChosen, kCancelled };
  // Text narrows the list, Backspace and Ctrl-U widen it; Esc takes the filter away, and without one cancels.
  After Press(const Key& key);
  // Of the chosen item, while there is one.
  size_t index() const { return matches_[at_]; }
  const std::string& chosen() const { return items_[index()]; }

  // Lines without line breaks, none wider than `width` - 1, no more than `height` - 1 of them; the first is the title,
  // the last a hint, and the chosen one begins with ">". Where there is no room for that: only the chosen one.
  std::vector<std::string> Lines(int width, int height) const;

 private:
  void Narrow();
  void Widen();

  std::string title_;
  std::vector<std::string> items_;
  size_t pinned_;
  Filter filter_;
  std::string typed_;
  std::vector<size_t> matches_;  // of items_
  size_t at_ = 0;                // in matches_
};

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_MENU_H_
