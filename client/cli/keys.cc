#include "client/cli/keys.h"

#include <algorithm>

namespace authflow {
namespace {

constexpr char kEsc = '\x1b';

// Of the character that begins with this byte; 1 for a byte that begins none.
size_t LengthOf(unsigned char first) {
  if (first >= 0xF0 && first < 0xF8) return 4;
  if (first >= 0xE0) return first < 0xF0 ? 3 : 1;
  if (first >= 0xC2) return 2;
  return 1;
}

Key::Kind KindOf(const std::string& sequence) {
  static constexpr struct {
    std::string_view sequence;
    Key::Kind kind;
  } kSequences[] = {{"[A", Key::kUp},      {"[B", Key::kDown},     {"[H", Key::kHome},  {"[F", Key::kEnd},
                    {"OA", Key::kUp},      {"OB", Key::kDown},     {"OH", Key::kHome},  {"OF", Key::kEnd},
                    {"[1~", Key::kHome},   {"[4~", Key::kEnd},     {"[7~", Key::kHome}, {"[8~", Key::kEnd},
                    {"[5~", Key::kPageUp}, {"[6~", Key::kPageDown}};
  for (const auto& known : kSequences) {
    if (sequence == known.sequence) return known.kind;
  }
  return Key::kOther;
}

}  // namespace

std::optional<Key> KeyDecoder::Next(bool waited) {
  if (bytes_.empty()) return std::nullopt;
  const unsigned char first = bytes_[0];
  if (first == kEsc) return Sequence(waited);
  const size_t length = LengthOf(first);
  if (bytes_.size() < length && !waited) return std::nullopt;
  const std::string character = bytes_.substr(0, std::min(length, bytes_.size()));
  bytes_.erase(0, character.size());
  switch (first) {
    case '\r':
    case '\n':
      return Key{Key::kEnter};
    case 0x7f:
    case 0x08:
      return Key{Key::kBackspace};
    case 0x03:
    case 0x04:
      return Key{Key::kCancel};
    case 0x15:
      return Key{Key::kClearLine};
    case 0x0e:
      return Key{Key::kDown};
    case 0x10:
      return Key{Key::kUp};
    default:
      break;
  }
  const bool whole = character.size() == length && (length > 1 || first < 0x80);
  if (first < 0x20 || !whole) return Key{Key::kOther};
  for (size_t i = 1; i < character.size(); ++i) {
    if ((static_cast<unsigned char>(character[i]) & 0xC0) != 0x80) return Key{Key::kOther};
  }
  return Key{Key::kText, character};
}

std::optional<Key> KeyDecoder::Sequence(bool waited) {
  if (bytes_.size() == 1) {
    if (!waited) return std::nullopt;
    bytes_.clear();
    return Key{Key::kEscape};
  }
  // ESC [ parameters final, ESC O final; ESC and anything else is the Escape key, and then that.
  if (bytes_[1] != '[' && bytes_[1] != 'O') {
    bytes_.erase(0, 1);
    return Key{Key::kEscape};
  }
  size_t end = 2;
  if (bytes_[1] == '[') {
    while (end < bytes_.size() && (bytes_[end] < 0x40 || bytes_[end] > 0x7e)) ++end;
  }
  if (end >= bytes_.size()) {
    if (!waited) return std::nullopt;
    bytes_.clear();
    return Key{Key::kOther};
  }
  const std::string sequence = bytes_.substr(1, end);
  bytes_.erase(0, end + 1);
  return Key{KindOf(sequence)};
}

}  // namespace authflow
