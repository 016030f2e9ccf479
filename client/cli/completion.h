// Scripts that complete the words of a command line.
#ifndef AUTHFLOW_CLIENT_CLI_COMPLETION_H_
#define AUTHFLOW_CLIENT_CLI_COMPLETION_H_

#include <map>
#include <string>
#include <vector>

namespace authflow {

// By command ("" for none yet, "apps list"): the commands and flags that may follow. Flags of "" may follow anything.
using CompletionWords = std::map<std::string, std::vector<std::string>>;

// `shell`: bash, zsh or fish.
std::string CompletionFor(const std::string& shell, const CompletionWords& words);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_COMPLETION_H_
