// The operator's verbs on a data folder: funnel, tail, flow, outbox list, outbox retry, backup, restore. Each returns
// the exit code.
#ifndef AUTHFLOW_SERVER_PROCESS_OPERATOR_VERBS_H_
#define AUTHFLOW_SERVER_PROCESS_OPERATOR_VERBS_H_

#include "server/process/options.h"

namespace authflow {

// `options.verb` is one of them.
int RunOperatorVerb(const Options& options);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_OPERATOR_VERBS_H_
