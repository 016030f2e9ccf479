#include "server/base/uuid.h"

#include <openssl/sha.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "server/base/text.h"

namespace authflow {

std::string Uuid::ToString() const {
  const std::string hex = absl::BytesToHexString(ToAbsl(AsBytes()));
  const std::string_view h = hex;
  return Cat(h.substr(0, 8), "-", h.substr(8, 4), "-", h.substr(12, 4), "-", h.substr(16, 4), "-", h.substr(20));
}

std::optional<Uuid> Uuid::Parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string hex;
  hex.reserve(32);
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return std::nullopt;
    if (dash) continue;
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(text[i]))) return std::nullopt;
    hex.push_back(text[i]);
  }
  return FromBytes(absl::HexStringToBytes(hex));
}

std::optional<Uuid> Uuid::FromBytes(std::string_view bytes) {
  if (bytes.size() != 16) return std::nullopt;
  Uuid uuid;
  std::copy(bytes.begin(), bytes.end(), uuid.bytes.begin());
  return uuid;
}

Uuid Uuid::Stamped(int version) const {
  Uuid uuid = *this;
  uuid.bytes[6] = static_cast<uint8_t>((uuid.bytes[6] & 0x0f) | (version << 4));
  uuid.bytes[8] = static_cast<uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
  return uuid;
}

Uuid Uuid::NameBased(const Uuid& name_space, std::string_view name) {
  const std::string input = Cat(name_space.AsBytes(), name);
  std::array<uint8_t, SHA_DIGEST_LENGTH> digest;
  SHA1(reinterpret_cast<const uint8_t*>(input.data()), input.size(), digest.data());
  Uuid uuid;
  std::copy_n(digest.begin(), 16, uuid.bytes.begin());
  return uuid.Stamped(5);
}

}  // namespace authflow
