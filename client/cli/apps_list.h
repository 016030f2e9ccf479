// "authflow apps list": the applications of who is signed in.
#ifndef AUTHFLOW_CLIENT_CLI_APPS_LIST_H_
#define AUTHFLOW_CLIENT_CLI_APPS_LIST_H_

#include <memory>

#include "client/cli/command.h"
#include "client/cli/result.h"
#include "server/base/task.h"

namespace authflow {

// A session that is over is refreshed; one that cannot be is signed in again, if there is a person.
Task<Result> AppsList(std::shared_ptr<Command> command);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_APPS_LIST_H_
