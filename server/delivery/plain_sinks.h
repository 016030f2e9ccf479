// The sinks without a far end: none, and the console of --dev.
#ifndef AUTHFLOW_SERVER_DELIVERY_PLAIN_SINKS_H_
#define AUTHFLOW_SERVER_DELIVERY_PLAIN_SINKS_H_

#include <cstdio>
#include <memory>
#include <string>

#include "server/delivery/sink.h"

namespace authflow {

// Delivered at once, to nowhere: the events are counted in metrics, and gone.
std::shared_ptr<Sink> NewNoneSink();

// One readable line an event on `out`, which outlives it. For --dev: it may block the executor while `out` does.
std::shared_ptr<Sink> NewConsoleSink(std::FILE* out);

// "13:36:46.123  #2 CLI Auth Aborted  flow=login step=browser_wait reason=denied  command=\"tool login\" user=-". Names
// of an identify's traits without their values: a console is read over shoulders. No line break.
std::string ConsoleLine(const std::string& message);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_DELIVERY_PLAIN_SINKS_H_
