// A window's funnels for programs.
#ifndef AUTHFLOW_SERVER_FUNNEL_JSON_H_
#define AUTHFLOW_SERVER_FUNNEL_JSON_H_

#include <string>

#include "server/funnel/funnel.h"

namespace authflow {

// One object, over several lines, with its line's end. Names are those of docs/events.md; times RFC 3339, UTC;
// durations whole milliseconds, or null. docs/operations.md says what is in it.
std::string ToJson(const FunnelWindow& window);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FUNNEL_JSON_H_
