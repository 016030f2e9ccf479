// What a command says: narration for people on standard error, one JSON document on standard output.
#ifndef AUTHFLOW_CLIENT_CLI_OUTPUT_H_
#define AUTHFLOW_CLIENT_CLI_OUTPUT_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/status.h"
#include "client/cli/looks.h"

namespace authflow {

// Never says a secret that it was not told to; control characters are made harmless. For one thread.
class Output {
 public:
  Output(bool json, bool debug) : json_(json), debug_(debug), looks_(LooksNow()) {}
  bool json() const { return json_; }
  const Looks& looks() const { return looks_; }

  // A line, or several, to standard error; on a terminal broken between words. The tone is that of the first line.
  void Say(const std::string& text, Tone tone = Tone::kPlain) const;
  // The same, unless it is what was said so the last time.
  void SayOnce(const std::string& text) const;
  // The same as Say, only with --debug.
  void Debug(const std::string& text) const;
  // To standard output, for people's commands that print a result; not with --json.
  void Print(const std::string& text) const;
  // To standard output, only with --json. Once.
  void Document(const nlohmann::ordered_json& document) const;
  // What became of all that: not OK if some of it could not be written, as to a full disk. A reader that went away
  // (head) has read what it wanted.
  const absl::Status& written() const { return written_; }

  // Below all that is said stands one line, drawn over the one before; empty: none. Only where looks().redraws, and
  // while we are in the terminal's foreground. Cut to the terminal's width.
  void ShowLine(const std::string& text) const;
  // No line any more, whoever still shows one.
  void EndLines() const;

 private:
  std::string Erased() const;
  void WriteResult(const std::string& text) const;

  bool json_;
  bool debug_;
  Looks looks_;
  mutable std::string line_;
  mutable bool lines_over_ = false;
  mutable std::string said_once_;
  mutable absl::Status written_;
};

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_OUTPUT_H_
