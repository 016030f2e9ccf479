// A call that wants somebody to be signed in.
#ifndef AUTHFLOW_CLIENT_CLI_SIGNED_IN_CALL_H_
#define AUTHFLOW_CLIENT_CLI_SIGNED_IN_CALL_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/login.h"
#include "client/cli/result.h"
#include "client/cli/session.h"
#include "server/base/error_class.h"
#include "server/base/secret.h"
#include "server/base/task.h"

namespace authflow {

template <typename T>
using SignedInCall = std::function<Task<absl::StatusOr<T>>(Secret access_token)>;

// With the stored session, refreshed if its time is up or the server refuses it.
template <typename T>
Task<absl::StatusOr<T>> CallWithSession(std::shared_ptr<Command> command, SignedInCall<T> call) {
  auto login = co_await FreshLogin(command, Secret());
  if (!login.ok()) co_return login.status();
  const Secret access_token = login->access_token;
  auto answer = co_await call(access_token);
  if (ClassOf(answer.status()) != v1::ERROR_CLASS_ACCESS_TOKEN_REFUSED) co_return answer;
  login = co_await FreshLogin(command, access_token);
  if (!login.ok()) co_return login.status();
  answer = co_await call(login->access_token);
  co_return answer;
}

// The same until a signal; a session that is over is signed in again if there is somebody to do it. nullopt: `result`,
// which is the caller's and outlives the call, says why.
template <typename T>
Task<std::optional<T>> CallSignedIn(std::shared_ptr<Command> command, SignedInCall<T> call, Result* result) {
  for (bool first = true;; first = false) {
    {
      const WaitLine wait(command->executor, command->out, command->Asking("Asking the authflow server"));
      auto answer = co_await command->interrupt.Guard(CallWithSession<T>(command, call));
      if (answer && answer->ok()) co_return **std::move(answer);
      result->status = answer ? command->Explained(answer->status()) : Cancelled();
    }
    const ErrorClass error_class = ClassOf(result->status);
    const bool over =
        error_class == v1::ERROR_CLASS_REFRESH_TOKEN_REFUSED || error_class == v1::ERROR_CLASS_ACCESS_TOKEN_REFUSED;
    if (!over || !first || !command->terminal) co_return std::nullopt;
    command->out.Say(absl::StrCat(std::string(result->status.message()), " Signing in again."));
    LoginPlan plan{.kind = v1::FLOW_KIND_REAUTHENTICATION, .choose_application = false};
    Result login = co_await Login(command, plan);
    *result = Result{.status = login.status, .flow_id = login.status.ok() ? "" : login.flow_id};
    if (!login.status.ok()) co_return std::nullopt;
  }
}

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_SIGNED_IN_CALL_H_
