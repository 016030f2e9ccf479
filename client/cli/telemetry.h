// Whether this installation lets funnel events be recorded, and who decided that.
#ifndef AUTHFLOW_CLIENT_CLI_TELEMETRY_H_
#define AUTHFLOW_CLIENT_CLI_TELEMETRY_H_

#include <string>

#include "absl/status/status.h"
#include "client/cli/folders.h"

namespace authflow {

struct TelemetryChoice {
  enum class By { kDefault, kFile, kAuthflowTelemetry, kDoNotTrack };
  bool on = true;
  By by = By::kDefault;
};

// The environment's DO_NOT_TRACK (set, and not "0" or "false") beats its AUTHFLOW_TELEMETRY ("1", "on", "true" or
// "yes": on; any other text: off), which beats the file; without any it is on. A file that cannot be read or understood
// is off: somebody meant something by it.
TelemetryChoice ChosenTelemetry(const Folders& folders);

// $XDG_CONFIG_HOME/authflow/telemetry: one word, "on" or "off".
std::string TelemetryPath(const Folders& folders);
// INTERNAL names what failed; the old choice stays.
absl::Status KeepTelemetry(const Folders& folders, bool on);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_TELEMETRY_H_
