// A window's funnels for a terminal of 80 columns.
#ifndef AUTHFLOW_SERVER_FUNNEL_TERMINAL_H_
#define AUTHFLOW_SERVER_FUNNEL_TERMINAL_H_

#include <string>

#include "server/funnel/funnel.h"

namespace authflow {

// `blocks`: bars of U+2588 and U+2591, for a terminal that has UTF-8; else of # and -.
std::string DrawInTerminal(const FunnelWindow& window, bool blocks);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FUNNEL_TERMINAL_H_
