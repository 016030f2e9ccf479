// authflowd tail: events as they are recorded, a line each.
#ifndef AUTHFLOW_SERVER_PROCESS_TAIL_VERB_H_
#define AUTHFLOW_SERVER_PROCESS_TAIL_VERB_H_

#include "server/process/options.h"

namespace authflow {

// Until SIGINT or SIGTERM, or until nobody reads its output. The exit code.
int RunTail(const Options& options);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_TAIL_VERB_H_
