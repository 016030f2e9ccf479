// How a command ended: its exit code, its word for what failed, and what it tells people and scripts.
#ifndef AUTHFLOW_CLIENT_CLI_RESULT_H_
#define AUTHFLOW_CLIENT_CLI_RESULT_H_

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/status/status.h"

namespace authflow {

inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;
inline constexpr int kExitCancelled = 2;
inline constexpr int kExitNotSignedIn = 4;

struct Result {
  absl::Status status;
  // Of the flow that the command ran, if it ran one.
  std::string flow_id;
  // With an OK status: what --json adds to {"status": "ok"}.
  nlohmann::ordered_json document = nlohmann::ordered_json::object();
  // When that was clear, if telling others took time after it.
  std::optional<std::chrono::steady_clock::time_point> decided;
};

// Nobody is signed in, and this command needs somebody to be.
absl::Status NotSignedIn(const std::string& message);
// The person stopped it.
absl::Status Cancelled();

// CANCELLED (also: the person said no at the provider) is 2, UNAUTHENTICATED is 4.
int ExitCodeOf(const absl::Status& status);
// True if the person did not want to go on.
bool IsUserCancelled(const absl::Status& status);
// The class of a refusal; else USER_CANCELLED, NOT_SIGNED_IN, CLIENT_NETWORK, CLIENT_ERROR; empty for OK.
std::string ErrorWordOf(const absl::Status& status);
// What to do about it, as a sentence; empty if the message says all.
std::string AdviceFor(const absl::Status& status);

// The whole document of --json.
nlohmann::ordered_json DocumentOf(const Result& result);
// The lines for people that a failed command ends with; empty for OK.
std::string NarrationOf(const Result& result);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_RESULT_H_
