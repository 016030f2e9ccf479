#include "client/cli/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <utility>

#include "client/cli/completion.h"
#include "client/cli/profile.h"
#include "client/cli/usage.h"
#include "server/base/version.h"

namespace authflow {
namespace {

constexpr char kEnvironment[] =
    "Environment:\n"
    "  AUTHFLOW_SERVER, AUTHFLOW_PRODUCT, AUTHFLOW_CA\n"
    "                              stand for --server, --product, --ca\n"
    "  AUTHFLOW_TELEMETRY=0, DO_NOT_TRACK=1\n"
    "                              nothing is recorded, as with \"telemetry off\"\n"
    "  BROWSER                     programs that open the sign-in page, by \":\"\n"
    "  AUTHFLOW_KEYRING=0          keep the login in a file, not in a keyring\n"
    "  TRACEPARENT                 the trace this belongs to, for the server's log\n"
    "  NO_COLOR=1                  no colour\n"
    "  AUTHFLOW_ACCESSIBLE=1       plain lines and numbered lists, nothing moves\n"
    "\n"
    "Exit codes: 0 ok, 1 error, 2 cancelled, 4 not signed in.";

constexpr char kGeneral[] = "\n\n\"authflow --help\" has the options of all commands (--server, --json, ...).";

constexpr char kLoginExamples[] =
    "Examples:\n"
    "  authflow login --server https://auth.example.com --product tool\n"
    "  authflow login --device      # over SSH: type a code in on any device\n"
    "  authflow login --no-browser  # the same without a code: paste what comes back\n"
    "  authflow login --app-name Shop --region eu --non-interactive --json";
constexpr char kSignupExamples[] =
    "Examples:\n"
    "  authflow signup\n"
    "  authflow signup --app-name Shop --region eu";
constexpr char kLogoutExamples[] =
    "Example:\n"
    "  authflow logout --profile-name work";
constexpr char kStatusExamples[] =
    "Examples:\n"
    "  authflow status\n"
    "  authflow status --json | jq -r .email";
constexpr char kTokenExamples[] =
    "Example:\n"
    "  curl -H \"Authorization: Bearer $(authflow token)\" https://api.example.com/";
constexpr char kAppsListExamples[] =
    "Example:\n"
    "  authflow apps list --json | jq -r '.applications[].id'";
constexpr char kAppsCreateExamples[] =
    "Examples:\n"
    "  authflow apps create         # asks for name and region\n"
    "  authflow apps create Shop --region eu --select";
constexpr char kAppsSelectExamples[] =
    "Examples:\n"
    "  authflow apps select         # asks: arrows, or type part of a name\n"
    "  authflow apps select Shop";
constexpr char kTelemetryExamples[] =
    "Examples:\n"
    "  authflow telemetry status\n"
    "  authflow telemetry off\n"
    "  DO_NOT_TRACK=1 authflow login  # for one run; beats what is kept";
constexpr char kCompletionExamples[] =
    "Examples:\n"
    "  source <(authflow completion bash)\n"
    "  authflow completion zsh >\"${fpath[1]}/_authflow\"\n"
    "  authflow completion fish | source";

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool HasControlCharacter(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

// What CLI11 does not know about a value; empty: nothing is wrong.
std::string Problem(const Options& options) {
  if (!IsProfileName(options.profile_name)) {
    return "--profile-name: use letters, digits, '.', '_' and '-', beginning with a letter or digit, 64 at most.";
  }
  for (const std::string* text : {&options.server, &options.product, &options.app_name, &options.region}) {
    if (HasControlCharacter(*text)) return "A value has a control character in it.";
  }
  return "";
}

std::vector<std::string> GivenFlags(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() > 0 && !option->get_lnames().empty()) flags.push_back(option->get_lnames().front());
  }
  for (const CLI::App* command : app.get_subcommands()) {
    const auto more = GivenFlags(*command);
    flags.insert(flags.end(), more.begin(), more.end());
  }
  std::sort(flags.begin(), flags.end());
  flags.erase(std::unique(flags.begin(), flags.end()), flags.end());
  return flags;
}

// Each command with what may follow it: commands, and flags.
CompletionWords WordsOf(const CLI::App& app) {
  CompletionWords words;
  const auto add = [&words](const auto& self, const CLI::App& command, const std::string& path) -> void {
    auto& following = words.following[path];
    for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
      following.push_back({sub->get_name(), sub->get_description()});
      self(self, *sub, path.empty() ? sub->get_name() : path + " " + sub->get_name());
    }
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) {
        following.push_back({"--" + name, option->get_description()});
        if (option->get_items_expected_max() > 0) words.with_value.insert("--" + name);
      }
    }
    if (path == "completion") following.insert(following.begin(), {{"bash", ""}, {"zsh", ""}, {"fish", ""}});
  };
  add(add, app, "");
  return words;
}

void AddLoginFlags(CLI::App* command, Options& options) {
  command->add_flag("--no-browser", options.no_browser, "Print the URL instead of opening a browser");
  command->add_flag("--device", options.device, "Sign in with a code typed in on any device");
  command->add_option("--app-name", options.app_name, "Use this application; create it if there is none");
  command->add_option("--region", options.region, "Where to create it (default: the first offered)");
}

}  // namespace

std::variant<Options, Exit> ParseOptions(int argc, const char* const* argv) {
  Options options;
  CLI::App app("Sign in from the terminal, and keep what the sign-in gave.", "authflow");
  app.set_version_flag("--version", std::string("authflow ") + kVersion);
  app.footer(kEnvironment);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--server", options.server, "https://host:port, or host:port on this machine");
  app.add_option("--product", options.product, "The product to sign in to");
  app.add_option("--ca", options.ca_file, "PEM file of whom to trust (default: the system's)");
  app.add_option("--profile-name", options.profile_name, "The profile to use")->capture_default_str();
  app.add_flag("--non-interactive", options.non_interactive, "Never ask; say which flag is missing");
  app.add_flag("--json", options.json, "One JSON document on standard output");
  app.add_flag("--debug", options.debug, "Show on standard error what is recorded");

  using Which = Options::Command;
  std::vector<std::pair<CLI::App*, Which>> commands;
  const auto add = [&commands](CLI::App* under, const char* name, const char* what, const char* examples, Which which) {
    CLI::App* command = under->add_subcommand(name, what);
    command->fallthrough();
    command->footer(std::string(examples) + kGeneral);
    commands.emplace_back(command, which);
    return command;
  };
  AddLoginFlags(add(&app, "login", "Sign in", kLoginExamples, Which::kLogin), options);
  AddLoginFlags(add(&app, "signup", "Create an account and sign in", kSignupExamples, Which::kSignup), options);
  add(&app, "logout", "Sign out", kLogoutExamples, Which::kLogout);
  add(&app, "status", "Say who is signed in", kStatusExamples, Which::kStatus);
  add(&app, "token", "Print an access token, renewed when needed", kTokenExamples, Which::kToken);
  CLI::App* apps = app.add_subcommand("apps", "Your applications");
  add(apps, "list", "List them", kAppsListExamples, Which::kAppsList);
  CLI::App* create = add(apps, "create", "Create one", kAppsCreateExamples, Which::kAppsCreate);
  create->add_option("NAME", options.app_name, "Its name (default: asks)");
  create->add_option("--region", options.region, "Where to create it (default: the first offered)");
  create->add_flag("--select", options.select, "Use it in this profile from now on");
  CLI::App* select =
      add(apps, "select", "Choose the one that this profile uses", kAppsSelectExamples, Which::kAppsSelect);
  select->add_option("NAME", options.app_name, "Its name or id (default: asks)");
  CLI::App* telemetry = app.add_subcommand("telemetry", "Whether what you do here is recorded");
  add(telemetry, "status", "Say whether it is, and who decided that", kTelemetryExamples, Which::kTelemetryStatus);
  add(telemetry, "on", "Let it be recorded", kTelemetryExamples, Which::kTelemetryOn);
  add(telemetry, "off", "Let nothing be recorded", kTelemetryExamples, Which::kTelemetryOff);
  for (CLI::App* group : {apps, telemetry}) {
    group->require_subcommand(1);
    group->fallthrough();
  }
  CLI::App* completion = app.add_subcommand("completion", "Print a script that completes words in a shell");
  std::string shell;
  completion->add_option("SHELL", shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->footer(kCompletionExamples);

  try {
    app.parse(argc, const_cast<char**>(argv));
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    if (app.exit(error, out, err) == 0) return Exit{.code = 0, .out = out.str(), .err = ""};
    return Exit{.code = 1, .out = "", .err = UsageComplaint(app, error, {argv + 1, argv + argc})};
  }

  if (completion->parsed()) return Exit{.code = 0, .out = CompletionFor(shell, WordsOf(app)), .err = ""};
  for (const auto& [command, which] : commands) {
    if (command->parsed()) options.command = which;
  }
  options.command_name = "authflow";
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    options.command_name += " " + at->get_name();
  }
  options.flags = GivenFlags(app);

  if (options.server.empty()) options.server = Environment("AUTHFLOW_SERVER");
  if (options.product.empty()) options.product = Environment("AUTHFLOW_PRODUCT");
  if (options.ca_file.empty()) options.ca_file = Environment("AUTHFLOW_CA");
  options.traceparent = Environment("TRACEPARENT");
  const std::string ci = Environment("CI");
  options.is_ci = !ci.empty() && ci != "0" && ci != "false";
  const std::string context = Environment("AUTHFLOW_CONTEXT");
  if (!context.empty() && context.size() <= 256 && !HasControlCharacter(context)) options.cli_context = context;

  const std::string problem = Problem(options);
  if (!problem.empty()) return Exit{.code = 1, .err = "authflow: " + problem + "\n"};
  return options;
}

}  // namespace authflow
