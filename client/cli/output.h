// What a command says: narration for people on standard error, one JSON document on standard output.
#ifndef AUTHFLOW_CLIENT_CLI_OUTPUT_H_
#define AUTHFLOW_CLIENT_CLI_OUTPUT_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace authflow {

// Never says a secret that it was not told to; control characters are made harmless.
class Output {
 public:
  Output(bool json, bool debug) : json_(json), debug_(debug) {}
  bool json() const { return json_; }

  // A line, or several, to standard error.
  void Say(const std::string& text) const;
  // The same, only with --debug.
  void Debug(const std::string& text) const;
  // To standard output, for people's commands that print a result; not with --json.
  void Print(const std::string& text) const;
  // To standard output, only with --json. Once.
  void Document(const nlohmann::ordered_json& document) const;

 private:
  bool json_;
  bool debug_;
};

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_OUTPUT_H_
