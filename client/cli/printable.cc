#include "client/cli/printable.h"

#include <algorithm>
#include <cstddef>
#include <initializer_list>

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

// Of the whole character of `length` bytes at `at`.
char32_t CodePointAt(std::string_view text, size_t at, size_t length) {
  const unsigned char first = text[at];
  if (length < 2) return first;
  char32_t code = first & (0xFF >> (length + 1));
  for (size_t i = 1; i < length; ++i) code = code << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3F);
  return code;
}

struct Range {
  char32_t first;
  char32_t last;
};

bool IsIn(char32_t code, std::initializer_list<Range> ranges) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [code](const Range& range) { return range.first <= code && code <= range.last; });
}

// Marks, overrides and isolates of the bidirectional algorithm (UAX 9).
bool TurnsDirection(char32_t code) {
  return IsIn(code, {{0x200E, 0x200F}, {0x202A, 0x202E}, {0x2066, 0x2069}, {0x061C, 0x061C}});
}

// As most terminals do it (UAX 11); the rare exceptions cost a column.
int ColumnsOfCode(char32_t code) {
  if (code < 0x300) return 1;
  if (IsIn(code, {{0x300, 0x36F}, {0x483, 0x489}, {0x200B, 0x200D}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}})) return 0;
  const bool wide = IsIn(code, {{0x1100, 0x115F},
                                {0x2E80, 0x303E},
                                {0x3041, 0xA4CF},
                                {0xA960, 0xA97C},
                                {0xAC00, 0xD7A3},
                                {0xF900, 0xFAFF},
                                {0xFE30, 0xFE6F},
                                {0xFF00, 0xFF60},
                                {0xFFE0, 0xFFE6},
                                {0x1F300, 0x1F64F},
                                {0x1F680, 0x1F6FF},
                                {0x1F900, 0x1FAFF},
                                {0x20000, 0x3FFFD}});
  return wide ? 2 : 1;
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string printable;
  printable.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t length = CharacterAt(text, at);
    const char32_t code = CodePointAt(text, at, length);
    const bool control = (code < 0x20 && code != '\n') || (code >= 0x7F && code < 0xA0) || TurnsDirection(code);
    if (length == 0 || control) {
      printable += '?';
    } else {
      printable += text.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return printable;
}

int ColumnsOf(std::string_view text) {
  int columns = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t length = std::max<size_t>(CharacterAt(text, at), 1);
    columns += ColumnsOfCode(CodePointAt(text, at, length));
    at += length;
  }
  return columns;
}

std::string Shortened(std::string_view text, int columns) {
  int seen = 0;
  size_t last = 0;  // where the last character that leaves room for the ellipsis ends
  for (size_t at = 0; at < text.size();) {
    const size_t length = std::max<size_t>(CharacterAt(text, at), 1);
    seen += ColumnsOfCode(CodePointAt(text, at, length));
    if (seen > columns) return std::string(text.substr(0, last)) + "…";
    at += length;
    if (seen < columns) last = at;
  }
  return std::string(text);
}

std::string Wrapped(std::string_view text, int columns) {
  std::string wrapped;
  int taken = 0;  // by the line so far
  while (!text.empty()) {
    if (text.front() == '\n') {
      wrapped += '\n';
      taken = 0;
      text.remove_prefix(1);
      continue;
    }
    const size_t spaces = std::min(text.find_first_not_of(' '), text.size());
    const std::string_view word = text.substr(spaces, text.find_first_of(" \n", spaces) - spaces);
    text.remove_prefix(spaces + word.size());
    if (taken > 0 && taken + static_cast<int>(spaces) + ColumnsOf(word) > columns) {
      wrapped += '\n';
      taken = 0;
    } else {
      wrapped.append(spaces, ' ');
      taken += static_cast<int>(spaces);
    }
    wrapped += word;
    taken += ColumnsOf(word);
  }
  return wrapped;
}

void EraseLast(std::string& text) {
  while (!text.empty() && IsContinuation(text.back())) text.pop_back();
  if (!text.empty()) text.pop_back();
}

}  // namespace authflow
