// authflowd flow show and flow list: what a support ticket asks.
#ifndef AUTHFLOW_SERVER_PROCESS_FLOW_VERBS_H_
#define AUTHFLOW_SERVER_PROCESS_FLOW_VERBS_H_

#include "server/process/options.h"

namespace authflow {

// One flow's whole log, an entry a line. The exit code.
int RunFlowShow(const Options& options);
// The flows that fit, the latest first, a line each. The exit code.
int RunFlowList(const Options& options);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_FLOW_VERBS_H_
