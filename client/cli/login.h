// A whole login, from StartFlow to FinishFlow.
#ifndef AUTHFLOW_CLIENT_CLI_LOGIN_H_
#define AUTHFLOW_CLIENT_CLI_LOGIN_H_

#include <memory>

#include "authflow/v1/flow.pb.h"
#include "client/cli/command.h"
#include "client/cli/result.h"
#include "server/base/task.h"

namespace authflow {

struct LoginPlan {
  v1::FlowKind kind = v1::FLOW_KIND_LOGIN;
  // False for a re-authentication in the middle of another command: the profile keeps its application.
  bool choose_application = true;
};

// Signs in and writes profile and tokens. Returns soon after a signal, whatever the server does.
Task<Result> Login(std::shared_ptr<Command> command, LoginPlan plan);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_LOGIN_H_
