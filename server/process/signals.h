// How a process is told to stop.
#ifndef AUTHFLOW_SERVER_PROCESS_SIGNALS_H_
#define AUTHFLOW_SERVER_PROCESS_SIGNALS_H_

namespace authflow {

// Takes SIGTERM and SIGINT out of the ordinary way, for this thread and all that it starts; ignores SIGPIPE (a write
// says so) and SIGXFSZ (a full disk is an error of the write). Call before any thread is started.
void TakeSignals();

// Blocks until SIGTERM or SIGINT comes. A further one ends the process at once, with exit code 1.
void WaitForStop();

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_SIGNALS_H_
