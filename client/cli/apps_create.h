// "apps create".
#ifndef AUTHFLOW_CLIENT_CLI_APPS_CREATE_H_
#define AUTHFLOW_CLIENT_CLI_APPS_CREATE_H_

#include <memory>

#include "client/cli/command.h"
#include "client/cli/result.h"
#include "server/base/task.h"

namespace authflow {

// Creates an application, outside any flow; with --select the profile uses it from now on.
Task<Result> AppsCreate(std::shared_ptr<Command> command);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_APPS_CREATE_H_
