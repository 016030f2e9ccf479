// JSON from a provider.
#ifndef AUTHFLOW_SERVER_PROVIDER_JSON_H_
#define AUTHFLOW_SERVER_PROVIDER_JSON_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace authflow {

// nullopt: not one JSON object, deeper than 32, or with text that is no UTF-8. A whole number that does not fit into 64
// bits becomes a string of its digits: user ids are such numbers.
std::optional<nlohmann::json> ParseJsonObject(std::string_view text);

// The member as a string; "" when absent or of another type.
std::string StringAt(const nlohmann::json& object, const std::string& name);

// A non-empty string, or a whole number as its digits; "" for anything else. At most 255 bytes, no control characters.
std::string IdAt(const nlohmann::json& object, const std::string& name);

// Seconds since 1970 (RFC 7519, NumericDate); nullopt when absent or no number.
std::optional<absl::Time> TimeAt(const nlohmann::json& object, const std::string& name);

// A string or an array of strings; empty when absent or otherwise.
std::vector<std::string> StringsAt(const nlohmann::json& object, const std::string& name);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_JSON_H_
