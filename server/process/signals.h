// How a process is told to stop.
#ifndef AUTHFLOW_SERVER_PROCESS_SIGNALS_H_
#define AUTHFLOW_SERVER_PROCESS_SIGNALS_H_

#include "absl/time/time.h"

namespace authflow {

// Takes SIGTERM and SIGINT out of the ordinary way, for this thread and all that it starts; ignores SIGPIPE (a write
// says so) and SIGXFSZ (a full disk is an error of the write). Call before any thread is started.
void TakeSignals();

// True: SIGTERM or SIGINT has come, within that time at most.
bool StopComesWithin(absl::Duration time);

// SIGTERM and SIGINT end the process again, as they do by default: for a verb that has nothing to put in order.
void GiveSignalsBack();

// Blocks until SIGTERM or SIGINT comes. A further one ends the process at once, with exit code 1.
void WaitForStop();

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_SIGNALS_H_
