// Keys out of the bytes that a terminal sends (ECMA-48 and xterm's sequences).
#ifndef AUTHFLOW_CLIENT_CLI_KEYS_H_
#define AUTHFLOW_CLIENT_CLI_KEYS_H_

#include <optional>
#include <string>
#include <string_view>

namespace authflow {

struct Key {
  enum Kind {
    kText,  // one character
    kEnter,
    kEscape,
    kUp,
    kDown,
    kHome,
    kEnd,
    kPageUp,
    kPageDown,
    kBackspace,
    kClearLine,    // Ctrl-U
    kCancel,       // Ctrl-C or Ctrl-D, or the terminal is gone
    kInterrupted,  // not a key: somebody ended the wait
    kResized,      // not a key: the terminal has another size
    kResumed,      // not a key: we were stopped, and others may have written
    kOther,
  };
  Kind kind = kOther;
  std::string text;  // of kText: UTF-8

  bool operator==(const Key&) const = default;
};

// Pure; not thread-safe.
class KeyDecoder {
 public:
  void Feed(std::string_view bytes) { bytes_ += bytes; }
  // The next whole key. nullopt: more bytes are needed.
  // `waited`: nothing more came for a moment, so a lone ESC is the Escape key and not the begin of a sequence.
  std::optional<Key> Next(bool waited);
  // Bytes that are not a whole key yet.
  bool pending() const { return !bytes_.empty(); }

 private:
  std::optional<Key> Sequence(bool waited);
  std::string bytes_;
};

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_KEYS_H_
