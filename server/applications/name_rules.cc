#include "server/applications/name_rules.h"

#include <cstdint>
#include <optional>

#include "server/base/error_class.h"

namespace authflow {
namespace {

// Takes one code point off the front. nullopt: not well-formed UTF-8 (Unicode 3.9, table 3-7).
std::optional<char32_t> TakeCodePoint(std::string_view& text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  const size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (length == 0 || text.size() < length) return std::nullopt;
  char32_t point = length == 1 ? lead : lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0u) != 0x80u) return std::nullopt;
    point = point << 6 | (byte(i) & 0x3Fu);
  }
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  if (overlong || surrogate || point > 0x10FFFF) return std::nullopt;
  text.remove_prefix(length);
  return point;
}

bool IsControl(char32_t point) {
  return point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == 0x2028 || point == 0x2029;
}

// Bidirectional formatting (Unicode Standard Annex 9, 2): a name must not rearrange the line it stands in.
bool TurnsDirection(char32_t point) {
  return point == 0x061C || point == 0x200E || point == 0x200F || (point >= 0x202A && point <= 0x202E) ||
         (point >= 0x2066 && point <= 0x2069);
}

// The white space (property White_Space) that is no control character.
bool IsSpace(char32_t point) {
  return point == ' ' || point == 0xA0 || point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x202F ||
         point == 0x205F || point == 0x3000;
}

absl::Status Invalid(const char* why) { return Refusal(v1::ERROR_CLASS_APPLICATION_NAME_INVALID, why); }

}  // namespace

absl::Status CheckName(std::string_view name) {
  if (name.empty()) return Invalid("The application needs a name of 1 to 64 characters.");
  int length = 0;
  char32_t first = 0;
  char32_t last = 0;
  while (!name.empty()) {
    const auto point = TakeCodePoint(name);
    if (!point) return Invalid("The application's name is not valid UTF-8.");
    if (IsControl(*point)) return Invalid("The application's name has a control character.");
    if (TurnsDirection(*point))
      return Invalid("The application's name has a character that turns the direction of text.");
    if (++length > kMaxNameLength) return Invalid("The application's name is longer than 64 characters.");
    if (length == 1) first = *point;
    last = *point;
  }
  if (IsSpace(first) || IsSpace(last)) return Invalid("The application's name begins or ends with a space.");
  return absl::OkStatus();
}

}  // namespace authflow
