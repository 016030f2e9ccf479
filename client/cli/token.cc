#include "client/cli/token.h"

#include "client/cli/session.h"

namespace authflow {

Task<Result> Token(std::shared_ptr<Command> command) {
  Result result;
  const auto login = co_await UsableLogin(command);
  if (login.ok()) {
    command->out.Print(login->access_token.Reveal());
    result.document["access_token"] = login->access_token.Reveal();
    result.document["expires_at"] = nullptr;
    if (login->expire_time) result.document["expires_at"] = TimeWord(*login->expire_time);
  } else {
    result.status = login.status();
  }
  co_return result;
}

}  // namespace authflow
