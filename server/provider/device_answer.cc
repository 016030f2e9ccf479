#include "server/provider/device_answer.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "server/base/text.h"
#include "server/provider/form.h"
#include "server/provider/json.h"
#include "server/provider/provider_error.h"

namespace authflow {
namespace {

using nlohmann::json;

constexpr size_t kLongestCode = 256;
constexpr size_t kLongestUri = 2048;
constexpr size_t kLongestDeviceCode = 4096;
// RFC 8628 3.2: an interval that is not said is 5 s. Nobody needs to be asked more often than once a second.
constexpr int64_t kUsualInterval = 5;
constexpr int64_t kShortestInterval = 1;
constexpr int64_t kLongestInterval = 300;
// expires_in is required; one that leaves it out gives as long as most do.
constexpr int64_t kUsualLife = 600;
constexpr int64_t kLongestLife = 24 * 3600;

// Also as a string.
int64_t SecondsAt(const json& answer, const char* name, int64_t usual) {
  const auto it = answer.find(name);
  if (it == answer.end()) return usual;
  int64_t seconds = usual;
  if (it->is_number()) {
    const double number = it->get<double>();
    return number >= 0 && number < 1e9 ? static_cast<int64_t>(number) : usual;
  }
  if (it->is_string() && absl::SimpleAtoi(it->get<std::string>(), &seconds)) return seconds;
  return usual;
}

bool IsShowable(const std::string& text, size_t longest) { return text.size() <= longest && HasNoControls(text); }

}  // namespace

absl::StatusOr<DeviceAuthorization> ReadDeviceAnswer(const HttpResponse& response, absl::Time asked,
                                                     const std::vector<std::string_view>& secrets) {
  if (absl::Status overload = OverloadRefusal(response); !overload.ok()) return overload;
  const std::optional<json> answer = ParseJsonObject(response.body.Reveal());
  const std::string error = answer ? StringAt(*answer, "error") : "";
  if (!error.empty()) return OAuthRefusal(Grant::kDevice, error, StringAt(*answer, "error_description"), secrets);
  if (response.status == 401) return ClientRefusal("HTTP 401");
  if (response.status != 200 || !answer) {
    return UnreadableRefusal(
        Cat("device authorization endpoint answered HTTP ", response.status, " with what is no OAuth answer"));
  }
  DeviceAuthorization device;
  device.user_code = StringAt(*answer, "user_code");
  device.device_code = Secret(StringAt(*answer, "device_code"));
  device.verification_uri = StringAt(*answer, "verification_uri");
  // Google's name of it, from before the RFC.
  if (device.verification_uri.empty()) device.verification_uri = StringAt(*answer, "verification_url");
  device.verification_uri_complete = StringAt(*answer, "verification_uri_complete");
  if (device.user_code.empty() || !IsShowable(device.user_code, kLongestCode)) {
    return UnreadableRefusal("device authorization endpoint answered without a code that can be shown");
  }
  if (device.device_code.empty() || device.device_code.Reveal().size() > kLongestDeviceCode) {
    return UnreadableRefusal("device authorization endpoint answered without a device code that can be used");
  }
  if (!IsShowable(device.verification_uri, kLongestUri) || !IsSafeUrl(device.verification_uri)) {
    return UnreadableRefusal("device authorization endpoint names a verification page that is no https URL");
  }
  // One that cannot be shown is not needed.
  const std::string& complete = device.verification_uri_complete;
  if (!IsShowable(complete, kLongestUri) || !IsSafeUrl(complete)) device.verification_uri_complete.clear();
  const int64_t life = std::clamp<int64_t>(SecondsAt(*answer, "expires_in", kUsualLife), 0, kLongestLife);
  device.expire = asked + absl::Seconds(life);
  device.interval =
      absl::Seconds(std::clamp(SecondsAt(*answer, "interval", kUsualInterval), kShortestInterval, kLongestInterval));
  return device;
}

}  // namespace authflow
