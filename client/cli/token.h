// "authflow token": an access token for scripts.
#ifndef AUTHFLOW_CLIENT_CLI_TOKEN_H_
#define AUTHFLOW_CLIENT_CLI_TOKEN_H_

#include <memory>

#include "client/cli/command.h"
#include "client/cli/result.h"
#include "server/base/task.h"

namespace authflow {

// Renewed when its time is nearly up. Standard output has the token and nothing else.
Task<Result> Token(std::shared_ptr<Command> command);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_TOKEN_H_
