// The command line and the environment, read and checked once.
#ifndef AUTHFLOW_CLIENT_CLI_OPTIONS_H_
#define AUTHFLOW_CLIENT_CLI_OPTIONS_H_

#include <string>
#include <variant>
#include <vector>

namespace authflow {

struct Options {
  enum class Command {
    kLogin,
    kSignup,
    kLogout,
    kStatus,
    kToken,
    kAppsList,
    kAppsCreate,
    kAppsSelect,
    kTelemetryStatus,
    kTelemetryOn,
    kTelemetryOff,
  };
  Command command = Command::kStatus;
  std::string command_name;        // "authflow apps list"
  std::vector<std::string> flags;  // names of those given, sorted, without dashes

  std::string server;   // flag, else AUTHFLOW_SERVER, else empty: the profile's
  std::string product;  // flag, else AUTHFLOW_PRODUCT, else empty: the profile's
  std::string ca_file;  // flag, else AUTHFLOW_CA
  std::string traceparent;
  std::string profile_name = "default";
  std::string app_name;  // for apps select: a name or an id
  std::string region;
  bool select = false;  // of apps create
  bool no_browser = false;
  bool device = false;
  bool non_interactive = false;
  bool json = false;
  bool debug = false;

  bool do_not_track = false;             // ChosenTelemetry says so
  bool is_ci = false;                    // CI is set, and not to "false" or "0"
  std::string cli_context = "terminal";  // AUTHFLOW_CONTEXT
};

// Nothing to run: --help, --version or a command line that is wrong.
struct Exit {
  int code = 0;
  std::string out;  // for standard output
  std::string err;  // for standard error
};

std::variant<Options, Exit> ParseOptions(int argc, const char* const* argv);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_OPTIONS_H_
