// The random id of this installation: what tells its events from others' without telling whose they are.
#ifndef AUTHFLOW_CLIENT_CLI_INSTALLATION_H_
#define AUTHFLOW_CLIENT_CLI_INSTALLATION_H_

#include <string>

#include "client/cli/folders.h"

namespace authflow {

// Reads $XDG_DATA_HOME/authflow/anonymous_id, or makes it; of two processes that make it at once both get the same.
// Where it cannot be kept, each run has its own.
std::string AnonymousId(const Folders& folders);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_INSTALLATION_H_
