// "telemetry status|on|off".
#ifndef AUTHFLOW_CLIENT_CLI_TELEMETRY_COMMAND_H_
#define AUTHFLOW_CLIENT_CLI_TELEMETRY_COMMAND_H_

#include "client/cli/folders.h"
#include "client/cli/options.h"
#include "client/cli/output.h"
#include "client/cli/result.h"

namespace authflow {

// Wants no server, no product and no profile, and is itself never recorded.
Result Telemetry(const Options& options, const Folders& folders, const Output& out);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_TELEMETRY_COMMAND_H_
