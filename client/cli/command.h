// What a running command has: its options, the server, the terminal, the files, and how to end.
#ifndef AUTHFLOW_CLIENT_CLI_COMMAND_H_
#define AUTHFLOW_CLIENT_CLI_COMMAND_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "authflow/v1/invocation.pb.h"
#include "client/authflow_client.h"
#include "client/cli/command_events.h"
#include "client/cli/exit_work.h"
#include "client/cli/folders.h"
#include "client/cli/interrupt.h"
#include "client/cli/options.h"
#include "client/cli/output.h"
#include "client/cli/profile.h"
#include "client/cli/terminal.h"
#include "client/cli/token_store.h"
#include "client/cli/wait_line.h"
#include "server/base/clock.h"

namespace authflow {

// Made once by main, outlives all coroutines. For the thread of its executor only.
struct Command {
  Options options;
  std::string product;
  Output out;
  Folders folders;
  SystemClock clock;
  Executor executor;
  Interrupt interrupt;
  ExitWork exit_work;
  std::shared_ptr<Client> client;
  // nullptr: there is nobody to ask.
  std::shared_ptr<Terminal> terminal;
  std::optional<Profile> profile;    // as it was at the start
  std::optional<StoredLogin> login;  // of this server and product, as it was at the start
  v1::Invocation invocation;
  std::unique_ptr<CommandEvents> events;
  const SteadyTime begun = SteadyNow();

  // Reads what is stored and checks it; nothing is sent. An error is one of the checks that come before the command.
  // `leave` ends the process at once, for the second signal.
  static absl::StatusOr<std::shared_ptr<Command>> Make(Options options, Executor executor, std::function<void()> leave);

  // What a WaitLine says while an answer of the server is waited for; `what`: "Fetching your applications".
  Waiting Asking(std::string what, SteadyTime since = SteadyNow()) const;

  // An error of the way to the server with what it was about, as CLIENT_NETWORK; any other as it is.
  absl::Status Explained(const absl::Status& status) const;

 private:
  Command(Options given, Executor executor, std::function<void()> leave);
};

// Of a network error in gRPC's words, each reason with its own behind a colon, the last.
std::string CauseOf(const absl::Status& status);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_COMMAND_H_
