// "apps select".
#ifndef AUTHFLOW_CLIENT_CLI_APPS_SELECT_H_
#define AUTHFLOW_CLIENT_CLI_APPS_SELECT_H_

#include <memory>

#include "absl/status/status.h"
#include "authflow/v1/application_service.pb.h"
#include "client/cli/command.h"
#include "client/cli/result.h"
#include "server/base/task.h"

namespace authflow {

// Chooses the application that the profile uses: by name, by id, or asked for.
Task<Result> AppsSelect(std::shared_ptr<Command> command);

// Writes `application` into the profile, and says so. CLIENT_PROFILE_WRITE: the old profile is untouched.
Task<absl::Status> UseApplication(std::shared_ptr<Command> command, v1::Application application);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_APPS_SELECT_H_
