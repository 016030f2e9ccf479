// Checks of single fields. The first one that fails is kept.
#ifndef AUTHFLOW_SERVER_RPC_SHAPE_H_
#define AUTHFLOW_SERVER_RPC_SHAPE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace authflow {

// Valid UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
bool IsUtf8(std::string_view text);
// Holds one of U+0000 to U+001F and U+007F to U+009F. `text` is UTF-8.
bool HasControlCharacter(std::string_view text);

enum class Presence { kRequired, kOptional };

// Collects the checks of one message. Messages name the path and the rule, never the value.
class Shape {
 public:
  // UTF-8 without control characters, at most `max_bytes`.
  Shape& Text(std::string_view path, std::string_view value, Presence presence, size_t max_bytes);
  // As Text, but any character: what a use case refuses with a class of its own.
  Shape& Bytes(std::string_view path, std::string_view value, Presence presence, size_t max_bytes);
  // The 36-character form of a UUID of version 4 or 7.
  Shape& RandomUuid(std::string_view path, std::string_view value);
  Shape& Range(std::string_view path, int64_t value, int64_t from, int64_t to);
  // `rule` is the end of the sentence: "required", "unknown value".
  Shape& Holds(bool condition, std::string_view path, std::string_view rule);

  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_SHAPE_H_
