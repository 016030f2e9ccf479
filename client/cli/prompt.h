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

struct Choice {
  std::string title;
  std::vector<std::string> items;  // at least one
  size_t pinned = 0;               // so many at the end are offered whatever is typed
  size_t start = 0;                // chosen at first
};

// By arrow keys, and by typing part of a name. On a plain terminal: a numbered list (its beginning, if it is long), and
// a number or part of a name.
Task<Chosen> Choose(std::shared_ptr<Terminal> terminal, Choice choice);

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
