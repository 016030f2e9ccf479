// The verbs that end by themselves: init, --check, --check --probe. Each returns the exit code.
#ifndef AUTHFLOW_SERVER_PROCESS_VERBS_H_
#define AUTHFLOW_SERVER_PROCESS_VERBS_H_

#include "server/process/options.h"

namespace authflow {

int RunInit(const Options& options);
// With Verb::kProbe the providers are asked as well.
int RunCheck(const Options& options);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_VERBS_H_
