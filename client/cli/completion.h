// Scripts that complete the words of a command line.
#ifndef AUTHFLOW_CLIENT_CLI_COMPLETION_H_
#define AUTHFLOW_CLIENT_CLI_COMPLETION_H_

#include <map>
#include <set>
#include <string>
#include <vector>

namespace authflow {

struct CompletionWord {
  std::string word;
  std::string description;  // one line, may be empty; for shells that show them: zsh and fish
};

struct CompletionWords {
  // By command ("" for none yet, "apps list"): the commands and flags that may follow. Flags of "" may follow anything.
  std::map<std::string, std::vector<CompletionWord>> following;
  // The flags whose next word is a value and no command: "--server".
  std::set<std::string> with_value;
};

// `shell`: bash, zsh or fish.
std::string CompletionFor(const std::string& shell, const CompletionWords& words);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_COMPLETION_H_
