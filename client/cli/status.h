// "authflow status": who is signed in.
#ifndef AUTHFLOW_CLIENT_CLI_STATUS_H_
#define AUTHFLOW_CLIENT_CLI_STATUS_H_

#include <memory>

#include "client/cli/command.h"
#include "client/cli/result.h"
#include "server/base/task.h"

namespace authflow {

// Refreshes a session that is over. A session that is good is told without asking anybody.
Task<Result> Status(std::shared_ptr<Command> command);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_STATUS_H_
