#include "client/cli/telemetry_command.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/telemetry.h"

namespace authflow {
namespace {

using By = TelemetryChoice::By;

// For scripts.
const char* WordOf(By by) {
  switch (by) {
    case By::kFile:
      return "file";
    case By::kAuthflowTelemetry:
      return "AUTHFLOW_TELEMETRY";
    case By::kDoNotTrack:
      return "DO_NOT_TRACK";
    default:
      return "default";
  }
}

std::string Why(By by, const Folders& folders) {
  switch (by) {
    case By::kFile:
      return absl::StrCat("as kept in ", TelemetryPath(folders));
    case By::kAuthflowTelemetry:
    case By::kDoNotTrack:
      return absl::StrCat("as ", WordOf(by), " in the environment says");
    default:
      return "as nobody has said otherwise";
  }
}

}  // namespace

Result Telemetry(const Options& options, const Folders& folders, const Output& out) {
  Result result;
  const bool on = options.command == Options::Command::kTelemetryOn;
  const bool change = on || options.command == Options::Command::kTelemetryOff;
  if (change) {
    result.status = KeepTelemetry(folders, on);
    if (!result.status.ok()) return result;
  }
  const TelemetryChoice choice = ChosenTelemetry(folders);
  std::string text = absl::StrCat("Telemetry is ", choice.on ? "on" : "off", ", ", Why(choice.by, folders), ".");
  if (change && choice.by != By::kFile) {
    absl::StrAppend(&text, "\nYour choice (", on ? "on" : "off", ") is kept, and counts once ", WordOf(choice.by),
                    " is no longer set.");
  } else if (!change && choice.on) {
    absl::StrAppend(&text, "\nTo turn it off: authflow telemetry off");
  }
  out.Print(text);
  result.document["telemetry"] = choice.on ? "on" : "off";
  result.document["decided_by"] = WordOf(choice.by);
  result.document["file"] = TelemetryPath(folders);
  return result;
}

}  // namespace authflow
