// authflow: the command-line tool.
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/apps_create.h"
#include "client/cli/apps_list.h"
#include "client/cli/apps_select.h"
#include "client/cli/atomic_file.h"
#include "client/cli/command.h"
#include "client/cli/login.h"
#include "client/cli/logout.h"
#include "client/cli/options.h"
#include "client/cli/result.h"
#include "client/cli/status.h"
#include "client/cli/telemetry_command.h"
#include "client/cli/token.h"
#include "server/base/error_class.h"

namespace authflow {
namespace {

// For all that is still under way when it is clear how a command ends; with a signal, counted from the signal.
constexpr std::chrono::milliseconds kExitTime(700);
// For Command Completed, if the end of a flow took longer than that.
constexpr std::chrono::milliseconds kLastWord(300);
// For Command Invoked. Where the work itself is recorded, long enough for a slow network: that must come second. Where
// it is not, a server that is slow or gone keeps nobody.
constexpr std::chrono::milliseconds kLongHeadStart(2000);
constexpr std::chrono::milliseconds kShortHeadStart(50);

std::chrono::milliseconds HeadStartOf(const Command& command) {
  switch (command.options.command) {
    case Options::Command::kLogin:
    case Options::Command::kSignup:
      return kLongHeadStart;
    case Options::Command::kLogout:
      return command.login ? kLongHeadStart : kShortHeadStart;
    default:
      return kShortHeadStart;
  }
}

Task<Result> Dispatch(std::shared_ptr<Command> command) {
  Result result;
  switch (command->options.command) {
    case Options::Command::kLogin:
      result = co_await Login(command, LoginPlan{.kind = v1::FLOW_KIND_LOGIN});
      break;
    case Options::Command::kSignup:
      result = co_await Login(command, LoginPlan{.kind = v1::FLOW_KIND_SIGNUP});
      break;
    case Options::Command::kLogout:
      result = co_await Logout(command);
      break;
    case Options::Command::kStatus:
      result = co_await Status(command);
      break;
    case Options::Command::kToken:
      result = co_await Token(command);
      break;
    case Options::Command::kAppsList:
      result = co_await AppsList(command);
      break;
    case Options::Command::kAppsCreate:
      result = co_await AppsCreate(command);
      break;
    case Options::Command::kAppsSelect:
      result = co_await AppsSelect(command);
      break;
    default:  // those that want no server
      break;
  }
  co_return result;
}

// A result that did not arrive is no success.
int CodeAfter(const Output& out, int code) {
  if (code != kExitOk || out.written().ok()) return code;
  const Result result{.status = out.written()};
  out.Say(NarrationOf(result), Tone::kBad);
  return ExitCodeOf(result.status);
}

Task<void> Run(std::shared_ptr<Command> command, int* exit_code) {
  const SteadyTime begun = SteadyNow();
  command->events->Start();
  CommandEvents& events = *command->events;
  command->interrupt.OnSignal([&events] { events.EndHeadStart(); });
  {
    const WaitLine wait(command->executor, command->out, command->Asking("Asking the authflow server"));
    co_await events.HeadStart(HeadStartOf(*command));
  }
  command->interrupt.OnSignal(nullptr);
  Result result;
  try {
    result = co_await Dispatch(command);
  } catch (const std::exception& error) {
    result.status = Refusal(v1::ERROR_CLASS_CLIENT_ERROR, absl::StrCat("Something failed here: ", error.what(), "."));
  }
  Terminal::Restore();
  command->out.EndLines();
  *exit_code = ExitCodeOf(result.status);
  const Interrupt& interrupt = command->interrupt;
  const SteadyTime ended = interrupt.happened() ? interrupt.at() : result.decided.value_or(SteadyNow());
  command->events->Finish(*exit_code, ended - begun, ErrorWordOf(result.status), IsUserCancelled(result.status));
  if (!result.status.ok()) {
    command->out.Say(NarrationOf(result), IsUserCancelled(result.status) ? Tone::kPlain : Tone::kBad);
  }
  command->out.Document(DocumentOf(result));
  *exit_code = CodeAfter(command->out, *exit_code);
  co_await command->exit_work.WaitUntil(interrupt.happened() ? ended + kExitTime
                                                             : std::max(ended + kExitTime, SteadyNow() + kLastWord));
}

// Ends without destructors: those of gRPC would wait for calls that nobody waits for any more.
[[noreturn]] void ExitNow(int code) {
  Terminal::Restore();
  PreparedFile::AbandonAll();
  _exit(code);
}

bool IsAboutTelemetry(const Options& options) {
  return options.command == Options::Command::kTelemetryStatus || options.command == Options::Command::kTelemetryOn ||
         options.command == Options::Command::kTelemetryOff;
}

// To standard output, which may be a full disk; a reader that went away has read what it wanted.
bool Print(const std::string& text) {
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return true;
  if (errno == EPIPE) return true;
  std::perror("authflow: standard output");
  return false;
}

int RunTelemetry(const Options& options) {
  const Output out(options.json, options.debug);
  const Result result = Telemetry(options, FoldersFromEnvironment(), out);
  if (!result.status.ok()) out.Say(NarrationOf(result));
  out.Document(DocumentOf(result));
  return CodeAfter(out, ExitCodeOf(result.status));
}

int Main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto parsed = ParseOptions(argc, argv);
  if (const auto* exit = std::get_if<Exit>(&parsed)) {
    if (!Print(exit->out)) return kExitError;
    std::fputs(exit->err.c_str(), stderr);
    const Output out(std::find(argv, argv + argc, std::string_view("--json")) != argv + argc, false);
    if (exit->code != kExitOk) {
      const Result result{.status = absl::InvalidArgumentError(absl::StripAsciiWhitespace(exit->err))};
      out.Document(DocumentOf(result));
    }
    return exit->code;
  }
  if (const auto& options = std::get<Options>(parsed); IsAboutTelemetry(options)) return RunTelemetry(options);
  // gRPC's own words on a broken connection are not for people; GRPC_VERBOSITY=info brings them back.
  setenv("GRPC_VERBOSITY", "none", /*overwrite=*/0);
  boost::asio::io_context loop;
  const auto command = Command::Make(std::get<Options>(parsed), loop.get_executor(), [] { ExitNow(kExitCancelled); });
  if (!command.ok()) {
    const Output out(std::get<Options>(parsed).json, false);
    const Result result{.status = command.status()};
    out.Say(NarrationOf(result), Tone::kBad);
    out.Document(DocumentOf(result));
    return ExitCodeOf(result.status);
  }
  int exit_code = kExitError;
  boost::asio::co_spawn(loop, Run(*command, &exit_code),
                        [&exit_code](std::exception_ptr error) { ExitNow(error ? kExitError : exit_code); });
  loop.run();
  ExitNow(exit_code);
}

}  // namespace
}  // namespace authflow

int main(int argc, char** argv) { return authflow::Main(argc, argv); }
