// "Command Invoked" and "Command Completed": told beside the work, never in its way.
#ifndef AUTHFLOW_CLIENT_CLI_COMMAND_EVENTS_H_
#define AUTHFLOW_CLIENT_CLI_COMMAND_EVENTS_H_

#include <chrono>
#include <memory>
#include <string>

#include "authflow/v1/command_service.pb.h"
#include "client/authflow_client.h"
#include "client/cli/event.h"
#include "client/cli/exit_work.h"
#include "client/cli/output.h"

namespace authflow {

// A lost call costs an event, not the command. For the thread of its executor only; outlives its calls.
class CommandEvents {
 public:
  // With invocation.do_not_track nothing is sent.
  CommandEvents(Executor executor, std::shared_ptr<Client> client, ExitWork& exit_work, const Output& out,
                std::string product, v1::Invocation invocation);

  // Sends Command Invoked.
  void Start();
  // A head start of at most `limit`, so that a funnel begins with its command and not with its flow.
  Task<void> HeadStart(std::chrono::milliseconds limit);
  // Ends a head start now.
  void EndHeadStart() { answered_.Poke(); }
  // Sends Command Completed, once Command Invoked is known to be recorded; counted in exit_work until it is answered.
  void Finish(int exit_code, std::chrono::nanoseconds duration, std::string error_class, bool user_cancelled);

 private:
  void SendFinish();

  const Executor executor_;
  const std::shared_ptr<Client> client_;
  ExitWork& exit_work_;
  const Output& out_;
  const std::string product_;
  const v1::Invocation invocation_;
  Call start_;
  Event answered_;
  bool recorded_ = false;
  bool finishing_ = false;
  v1::FinishCommandRequest finish_;
};

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_COMMAND_EVENTS_H_
