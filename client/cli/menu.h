// A list to choose from: what keys do to it and how it looks. Pure; prompt.h puts it on a terminal.
#ifndef AUTHFLOW_CLIENT_CLI_MENU_H_
#define AUTHFLOW_CLIENT_CLI_MENU_H_

#include <string>
#include <vector>

#include "client/cli/keys.h"

namespace authflow {

class Menu {
 public:
  // At least one item. Text is taken as it is: make it printable first.
  Menu(std::string title, std::vector<std::string> items) : title_(std::move(title)), items_(std::move(items)) {}

  enum class After { kOpen, kChosen, kCancelled };
  After Press(const Key& key);
  size_t index() const { return index_; }
  const std::string& chosen() const { return items_[index_]; }

  // Lines without line breaks, none wider than `width` - 1, no more than `height` - 1 of them; the chosen one begins
  // with ">".
  std::vector<std::string> Lines(int width, int height) const;

 private:
  std::string title_;
  std::vector<std::string> items_;
  size_t index_ = 0;
  size_t typed_ = 0;  // the number typed so far
};

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_MENU_H_
