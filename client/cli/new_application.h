// Asking a person what a new application shall be.
#ifndef AUTHFLOW_CLIENT_CLI_NEW_APPLICATION_H_
#define AUTHFLOW_CLIENT_CLI_NEW_APPLICATION_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/cli/command.h"
#include "client/cli/prompt.h"
#include "server/base/task.h"

namespace authflow {

struct NewApplication {
  Said said = Said::kCancel;  // how the questions ended; the rest counts with kAnswer
  std::string name;
  std::string region;  // empty: the server's first
};

// Wants a terminal. Asks for the name, and for the region if there is a choice that --region has not made.
Task<NewApplication> AskForNewApplication(std::shared_ptr<Command> command, std::vector<std::string> regions);

// True for a refusal that another name may escape.
bool WantsAnotherName(const absl::Status& status);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_NEW_APPLICATION_H_
