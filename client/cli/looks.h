// What standard error can show.
#ifndef AUTHFLOW_CLIENT_CLI_LOOKS_H_
#define AUTHFLOW_CLIENT_CLI_LOOKS_H_

#include <string>
#include <string_view>

namespace authflow {

struct Looks {
  bool terminal = false;
  // Lines may be drawn over, and move. Not with TERM=dumb (or none), nor with AUTHFLOW_ACCESSIBLE=1, where a screen
  // reader would read each drawing anew.
  bool redraws = false;
  // Redraws, and NO_COLOR is not set (no-color.org).
  bool colour = false;
  // The locale is UTF-8.
  bool unicode = false;
};

// Of standard error and the environment, as they are now.
Looks LooksNow();

// Columns and rows of standard error; 80 x 24 if unknown.
struct Size {
  int width = 80;
  int height = 24;
};
Size SizeNow();

enum class Tone { kPlain, kGood, kBad, kChosen, kFaint };
// `text` in the colour of its tone; as it is without `colour`.
std::string Coloured(std::string_view text, Tone tone, bool colour);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_LOOKS_H_
