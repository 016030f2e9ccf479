// What is said of a command line that is not understood.
#ifndef AUTHFLOW_CLIENT_CLI_USAGE_H_
#define AUTHFLOW_CLIENT_CLI_USAGE_H_

#include <string>
#include <vector>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace authflow {

// The one of `known` that `typed` was probably meant to be: it begins so, or differs in two letters at most; empty:
// none.
std::string Meant(const std::string& typed, const std::vector<std::string>& known);

// Lines for a person: what is wrong in the words that `app` has parsed so far, and what to do.
std::string UsageComplaint(const CLI::App& app, const CLI::ParseError& error, const std::vector<std::string>& words);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_USAGE_H_
