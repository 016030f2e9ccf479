// What an application may be called. Pure.
#ifndef AUTHFLOW_SERVER_APPLICATIONS_NAME_RULES_H_
#define AUTHFLOW_SERVER_APPLICATIONS_NAME_RULES_H_

#include <string_view>

#include "absl/status/status.h"

namespace authflow {

// In code points.
inline constexpr int kMaxNameLength = 64;

// APPLICATION_NAME_INVALID says which rule was broken: valid UTF-8, 1 to 64 code points, no control characters (C0,
// DEL, C1, line and paragraph separators), none that turn the direction of text, no space at either end. A name that
// passes can be shown at a terminal.
absl::Status CheckName(std::string_view name);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_APPLICATIONS_NAME_RULES_H_
