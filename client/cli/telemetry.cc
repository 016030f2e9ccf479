#include "client/cli/telemetry.h"

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/atomic_file.h"

namespace authflow {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : absl::AsciiStrToLower(value);
}

bool IsYes(const std::string& word) { return word == "1" || word == "on" || word == "true" || word == "yes"; }

}  // namespace

TelemetryChoice ChosenTelemetry(const Folders& folders) {
  using By = TelemetryChoice::By;
  const std::string do_not_track = Variable("DO_NOT_TRACK");
  if (!do_not_track.empty() && do_not_track != "0" && do_not_track != "false") return {false, By::kDoNotTrack};
  const std::string variable = Variable("AUTHFLOW_TELEMETRY");
  if (!variable.empty()) return {IsYes(variable), By::kAuthflowTelemetry};
  if (folders.config.empty()) return {};
  const auto text = ReadSmallFile(TelemetryPath(folders));
  if (absl::IsNotFound(text.status())) return {};
  return {text.ok() && absl::StripAsciiWhitespace(*text) == "on", By::kFile};
}

std::string TelemetryPath(const Folders& folders) { return absl::StrCat(folders.config, "/telemetry"); }

absl::Status KeepTelemetry(const Folders& folders, bool on) {
  if (folders.config.empty()) return absl::InternalError("There is no home folder: set HOME.");
  return WriteFileAtomically(TelemetryPath(folders), on ? "on\n" : "off\n");
}

}  // namespace authflow
