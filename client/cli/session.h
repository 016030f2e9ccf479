// The stored login, made usable: refreshed when its access token is over.
#ifndef AUTHFLOW_CLIENT_CLI_SESSION_H_
#define AUTHFLOW_CLIENT_CLI_SESSION_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/file_lock.h"
#include "client/cli/token_store.h"
#include "server/base/task.h"

namespace authflow {

// The lock of the profile's login, waited for up to 10 s. FAILED_PRECONDITION: another process has it that long.
Task<absl::StatusOr<FileLock>> LockLogin(std::shared_ptr<Command> command);

// A login whose access token is good for now. One process refreshes at a time, and a refresh that has begun is finished
// and stored even if the command is being stopped: the provider may have made the old token worthless. `refused`: an
// access token that was refused and is to be refreshed although its time is not up; empty if none was. UNAUTHENTICATED:
// nobody is signed in, or the session is over; only REFRESH_TOKEN_REFUSED deletes it.
Task<absl::StatusOr<StoredLogin>> FreshLogin(std::shared_ptr<Command> command, Secret refused);

// FreshLogin for a command that needs nothing else: a signal ends the wait (CANCELLED), and a server that cannot be
// reached is explained.
Task<absl::StatusOr<StoredLogin>> UsableLogin(std::shared_ptr<Command> command);

// As documents say times: RFC 3339, UTC.
std::string TimeWord(absl::Time time);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_SESSION_H_
