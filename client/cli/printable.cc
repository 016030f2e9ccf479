#include "client/cli/printable.h"

#include <cstddef>

namespace authflow {
namespace {

bool IsContinuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// Bytes of the whole character at `at`; 0 if there is none.
size_t CharacterAt(std::string_view text, size_t at) {
  const unsigned char first = text[at];
  const size_t length = first < 0x80   ? 1
                        : first < 0xC2 ? 0
                        : first < 0xE0 ? 2
                        : first < 0xF0 ? 3
                        : first < 0xF5 ? 4
                                       : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[at + i])) return 0;
  }
  return length;
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string printable;
  printable.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t length = CharacterAt(text, at);
    const unsigned char first = text[at];
    const bool control = (first < 0x20 && first != '\n') || first == 0x7f ||
                         (length == 2 && first == 0xC2 && static_cast<unsigned char>(text[at + 1]) < 0xA0);
    if (length == 0 || control) {
      printable += '?';
    } else {
      printable += text.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return printable;
}

std::string Shortened(std::string_view text, int columns) {
  int seen = 0;
  size_t last = 0;  // where the last character that leaves room for the ellipsis ends
  for (size_t at = 0; at < text.size();) {
    size_t next = at + 1;
    while (next < text.size() && IsContinuation(text[next])) ++next;
    if (++seen > columns) return std::string(text.substr(0, last)) + "…";
    if (seen < columns) last = next;
    at = next;
  }
  return std::string(text);
}

}  // namespace authflow
