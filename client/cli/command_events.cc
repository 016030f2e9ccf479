#include "client/cli/command_events.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/rpc.h"

namespace authflow {

CommandEvents::CommandEvents(Executor executor, std::shared_ptr<Client> client, ExitWork& exit_work, const Output& out,
                             std::string product, v1::Invocation invocation)
    : executor_(executor),
      client_(std::move(client)),
      exit_work_(exit_work),
      out_(out),
      product_(std::move(product)),
      invocation_(std::move(invocation)),
      answered_(std::move(executor)) {}

void CommandEvents::Start() {
  if (invocation_.do_not_track()) {
    answered_.Set();
    return;
  }
  v1::StartCommandRequest request;
  request.set_product(product_);
  *request.mutable_invocation() = invocation_;
  const auto answered = [this](absl::StatusOr<v1::StartCommandResponse> response) {
    recorded_ = response.ok();
    out_.Debug(response.ok() ? "recorded: Command Invoked"
                             : absl::StrCat("not recorded: Command Invoked: ", response.status().ToString()));
    answered_.Set();
    if (!finishing_) return;
    if (recorded_) {
      SendFinish();
    } else {
      exit_work_.End();
    }
  };
  start_ = SendDetached(executor_, *client_, &Client::StartCommand, std::move(request),
                        {.deadline = absl::Seconds(30), .retry_for = absl::Seconds(10)}, answered);
}

Task<void> CommandEvents::HeadStart(std::chrono::milliseconds limit) {
  co_await answered_.WaitUntil(SteadyNow() + limit);
}

void CommandEvents::Finish(int exit_code, std::chrono::nanoseconds duration, std::string error_class,
                           bool user_cancelled) {
  if (invocation_.do_not_track()) return;
  finish_.set_product(product_);
  finish_.set_invocation_id(invocation_.invocation_id());
  finish_.set_exit_code(exit_code);
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(duration);
  finish_.mutable_duration()->set_seconds(whole.count());
  finish_.mutable_duration()->set_nanos(static_cast<int>((duration - whole).count()));
  finish_.set_error_class(std::move(error_class));
  finish_.set_user_cancelled(user_cancelled);
  if (answered_.is_set() && !recorded_) return;
  finishing_ = true;
  exit_work_.Begin();
  if (answered_.is_set()) {
    SendFinish();
  } else {
    start_.StopRetrying();  // a server that is not there shall not keep us
  }
}

void CommandEvents::SendFinish() {
  const auto answered = [this](absl::StatusOr<v1::FinishCommandResponse> response) {
    out_.Debug(response.ok() ? "recorded: Command Completed"
                             : absl::StrCat("not recorded: Command Completed: ", response.status().ToString()));
    exit_work_.End();
  };
  // The deadline is longer than our wait: a server that is slow to wake still records it.
  SendDetached(executor_, *client_, &Client::FinishCommand, std::move(finish_),
               {.deadline = absl::Seconds(10), .retry_for = absl::Seconds(1)}, answered);
}

}  // namespace authflow
