#include "server/rpc/shape.h"

#include <cstdint>

#include "server/base/error_class.h"
#include "server/base/text.h"
#include "server/base/uuid.h"

namespace authflow {

bool IsUtf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<uint8_t>(text[i++]);
    if (lead < 0x80) continue;
    int more = 0;
    uint32_t point = 0;
    uint32_t least = 0;
    if (lead >= 0xc2 && lead <= 0xdf) {
      more = 1, point = lead & 0x1f, least = 0x80;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2, point = lead & 0x0f, least = 0x800;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3, point = lead & 0x07, least = 0x10000;
    } else {
      return false;
    }
    for (; more > 0; --more) {
      if (i == text.size()) return false;
      const auto next = static_cast<uint8_t>(text[i++]);
      if ((next & 0xc0) != 0x80) return false;
      point = point << 6 | (next & 0x3f);
    }
    if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
  }
  return true;
}

bool HasControlCharacter(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<uint8_t>(text[i + 1]) < 0xa0) return true;
  }
  return false;
}

Shape& Shape::Holds(bool condition, std::string_view path, std::string_view rule) {
  if (!condition && status_.ok())
    status_ = Refusal(v1::ERROR_CLASS_INVALID_REQUEST, Cat("The request is not valid. ", path, ": ", rule, "."));
  return *this;
}

Shape& Shape::Bytes(std::string_view path, std::string_view value, Presence presence, size_t max_bytes) {
  Holds(presence == Presence::kOptional || !value.empty(), path, "required");
  return Holds(value.size() <= max_bytes, path, Cat("at most ", max_bytes, " bytes"));
}

Shape& Shape::Text(std::string_view path, std::string_view value, Presence presence, size_t max_bytes) {
  Bytes(path, value, presence, max_bytes);
  Holds(IsUtf8(value), path, "not valid UTF-8");
  return Holds(!HasControlCharacter(value), path, "control characters are not allowed");
}

Shape& Shape::RandomUuid(std::string_view path, std::string_view value) {
  Holds(!value.empty(), path, "required");
  const auto uuid = Uuid::Parse(value);
  const bool random = uuid && (uuid->version() == 4 || uuid->version() == 7) && (uuid->bytes[8] & 0xc0) == 0x80;
  return Holds(random, path, "must be a UUID of version 4 or 7, such as 0192f0c1-2b3c-7d4e-8f50-123456789abc");
}

Shape& Shape::Range(std::string_view path, int64_t value, int64_t from, int64_t to) {
  return Holds(from <= value && value <= to, path, Cat("must be from ", from, " to ", to));
}

}  // namespace authflow
