// UUIDs (RFC 9562) as 16 bytes.
#ifndef AUTHFLOW_SERVER_BASE_UUID_H_
#define AUTHFLOW_SERVER_BASE_UUID_H_

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace authflow {

struct Uuid {
  std::array<uint8_t, 16> bytes = {};

  // The 36-character form, lower case.
  std::string ToString() const;
  // The 36-character form in either case; nullopt for anything else.
  static std::optional<Uuid> Parse(std::string_view text);
  // Exactly 16 bytes; nullopt for another length.
  static std::optional<Uuid> FromBytes(std::string_view bytes);
  std::string_view AsBytes() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

  int version() const { return bytes[6] >> 4; }
  // Writes version and variant (RFC 9562 4.1, 4.2) over bits that are free for it.
  Uuid Stamped(int version) const;
  // Version 5: SHA-1 of the name space and the name.
  static Uuid NameBased(const Uuid& name_space, std::string_view name);

  auto operator<=>(const Uuid&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const Uuid& uuid) {
    return H::combine(std::move(h), uuid.bytes);
  }
};

using FlowId = Uuid;
using InvocationId = Uuid;

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_UUID_H_
