// "authflow logout".
#ifndef AUTHFLOW_CLIENT_CLI_LOGOUT_H_
#define AUTHFLOW_CLIENT_CLI_LOGOUT_H_

#include <memory>

#include "client/cli/command.h"
#include "client/cli/result.h"
#include "server/base/task.h"

namespace authflow {

// Revokes at the provider, then forgets the tokens here, also when the server cannot be reached. Nobody signed in: says
// so, and is OK.
Task<Result> Logout(std::shared_ptr<Command> command);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_LOGOUT_H_
