// Text from elsewhere as it may stand on a terminal.
#ifndef AUTHFLOW_CLIENT_CLI_PRINTABLE_H_
#define AUTHFLOW_CLIENT_CLI_PRINTABLE_H_

#include <string>
#include <string_view>

namespace authflow {

// Control characters (C0 but for the line break, DEL, C1 in UTF-8) and broken UTF-8 become "?": what a name or a
// message says cannot move the cursor, change colours or answer for the person.
std::string Printable(std::string_view text);

// At most `columns` characters, each taken for one column wide; the last is an ellipsis if some were left out.
std::string Shortened(std::string_view text, int columns);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_PRINTABLE_H_
