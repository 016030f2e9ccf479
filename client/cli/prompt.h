// Questions to a person: choose from a list, type a line.
#ifndef AUTHFLOW_CLIENT_CLI_PROMPT_H_
#define AUTHFLOW_CLIENT_CLI_PROMPT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/cli/terminal.h"
#include "server/base/task.h"

namespace authflow {

// How a question ended.
enum class Said {
  kAnswer,
  kCancel,       // Esc, Ctrl-C, or the terminal is gone
  kInterrupted,  // Terminal::Interrupt
};

struct Chosen {
  Said said = Said::kCancel;
  size_t index = 0;
};

// By arrow keys or number. On a plain terminal: a numbered list and a typed number. At least one item.
Task<Chosen> Choose(std::shared_ptr<Terminal> terminal, std::string title, std::vector<std::string> items);

struct Line {
  Said said = Said::kCancel;
  std::string text;
};

struct Question {
  std::string text;
  // Stands for an empty line.
  std::string preset;
  // What is wrong with an answer, as a sentence; empty: nothing. May be null.
  std::function<std::string(const std::string&)> problem;
  // Nothing of the answer is shown.
  bool hidden = false;
};

// Asks until the answer has no problem; white space at both ends is left out. An answer has at most 16 KiB.
Task<Line> Ask(std::shared_ptr<Terminal> terminal, Question question);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_PROMPT_H_
