// Joining text. Debian builds Abseil with a string_view of its own, which does not convert from or to std::string_view.
#ifndef AUTHFLOW_SERVER_BASE_TEXT_H_
#define AUTHFLOW_SERVER_BASE_TEXT_H_

#include <string>
#include <string_view>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace authflow {

// The same characters as the other type. Correct for either build of Abseil.
inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }

// absl::StrCat that takes std::string_view as well.
template <typename... Pieces>
std::string Cat(const Pieces&... pieces) {
  const auto piece = [](const auto& value) -> decltype(auto) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string_view>) {
      return ToAbsl(value);
    } else {
      return (value);
    }
  };
  return absl::StrCat(piece(pieces)...);
}

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_TEXT_H_
