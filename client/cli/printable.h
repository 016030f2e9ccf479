// Text from elsewhere as it may stand on a terminal.
#ifndef AUTHFLOW_CLIENT_CLI_PRINTABLE_H_
#define AUTHFLOW_CLIENT_CLI_PRINTABLE_H_

#include <string>
#include <string_view>

namespace authflow {

// Control characters (C0 but for the line break, DEL, C1 in UTF-8), those that turn the direction of writing, and
// broken UTF-8 become "?": what a name or a message says cannot move the cursor, change colours or look like something
// else.
std::string Printable(std::string_view text);

// The columns that printable text without a line break takes: two for East Asian wide characters and emoji, none for
// combining marks.
int ColumnsOf(std::string_view text);

// At most `columns` of them; an ellipsis at the end if some were left out.
std::string Shortened(std::string_view text, int columns);

// With line breaks instead of spaces, so that no line takes more columns; a word that does (an address, say) is left
// whole.
std::string Wrapped(std::string_view text, int columns);

// Removes the last character.
void EraseLast(std::string& text);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_PRINTABLE_H_
