#include "client/cli/command.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/installation.h"
#include "client/cli/result.h"
#include "client/cli/telemetry.h"
#include "server/base/random.h"
#include "server/base/version.h"

namespace authflow {
namespace {

// Where "authflowd" listens if nobody says otherwise.
constexpr char kDefaultServer[] = "127.0.0.1:7443";

v1::Invocation InvocationOf(const Command& command) {
  const Options& options = command.options;
  v1::Invocation invocation;
  invocation.set_invocation_id(RandomUuid(command.clock.Now()).ToString());
  invocation.set_command(options.command_name);
  for (const auto& flag : options.flags) invocation.add_flags(flag);
  invocation.set_cli_context(options.cli_context);
  invocation.set_version(kVersion);
  invocation.set_operating_system("linux");
  invocation.set_configured_applications(CountProfiles(command.folders));
  invocation.set_is_ci(options.is_ci);
  invocation.set_do_not_track(options.do_not_track);
  if (command.profile) invocation.set_app_id(command.profile->application_id);
  if (!options.do_not_track) {
    invocation.set_anonymous_id(AnonymousId(command.folders));
    if (command.login) invocation.set_user_id(command.login->user_id);
  }
  return invocation;
}

std::string FirstOf(const std::string& given, const std::string& stored, const std::string& otherwise) {
  return !given.empty() ? given : !stored.empty() ? stored : otherwise;
}

}  // namespace

Command::Command(Options given, Executor on, std::function<void()> leave)
    : options(std::move(given)),
      out(options.json, options.debug),
      folders(FoldersFromEnvironment()),
      executor(on),
      interrupt(on, std::move(leave)),
      exit_work(std::move(on)) {}

absl::StatusOr<std::shared_ptr<Command>> Command::Make(Options options, Executor executor,
                                                       std::function<void()> leave) {
  std::shared_ptr<Command> command(new Command(std::move(options), std::move(executor), std::move(leave)));
  command->options.do_not_track = !ChosenTelemetry(command->folders).on;
  auto profile = LoadProfile(command->folders, command->options.profile_name);
  if (!profile.ok()) return profile.status();
  command->profile = *std::move(profile);
  const Profile stored = command->profile.value_or(Profile());
  command->product = FirstOf(command->options.product, stored.product, "");
  if (command->product.empty()) {
    const bool signs_in =
        command->options.command == Options::Command::kLogin || command->options.command == Options::Command::kSignup;
    if (signs_in) return absl::InvalidArgumentError("Say which product to sign in to: --product or AUTHFLOW_PRODUCT.");
    return NotSignedIn("You are not signed in.");
  }
  auto client = Client::Create({.server = FirstOf(command->options.server, stored.server, kDefaultServer),
                                .ca_file = command->options.ca_file,
                                .user_agent = absl::StrCat("authflow-cli/", kVersion),
                                .traceparent = command->options.traceparent});
  if (!client.ok()) return client.status();
  command->client = *std::move(client);
  auto login = LoadLogin(command->folders, command->options.profile_name);
  if (!login.ok()) return login.status();
  // Tokens of another server or product are nobody's business here.
  if (*login && (*login)->server == command->client->server() && (*login)->product == command->product) {
    command->login = **std::move(login);
  }
  if (!command->options.non_interactive) command->terminal = Terminal::Open(command->executor);
  command->invocation = InvocationOf(*command);
  command->events = std::make_unique<CommandEvents>(command->executor, command->client, command->exit_work,
                                                    command->out, command->product, command->invocation);
  return command;
}

Waiting Command::Asking(std::string what, SteadyTime since) const {
  Waiting wait;
  wait.what = std::move(what);
  wait.advice = "Ctrl-C cancels.";
  wait.slow = absl::StrCat("Still no answer from ", client->server());
  wait.begun = since;
  return wait;
}

absl::Status Command::Explained(const absl::Status& status) const {
  if (!IsNetworkError(status)) return status;
  out.Debug(std::string(status.message()));
  return Refusal(v1::ERROR_CLASS_CLIENT_NETWORK, absl::StrCat("The authflow server at ", client->server(),
                                                              " cannot be reached: ", CauseOf(status), "."));
}

std::string CauseOf(const absl::Status& status) {
  const std::string text(status.message());
  const size_t last = text.rfind(": ");
  return last == text.npos ? text : text.substr(last + 2);
}

}  // namespace authflow
