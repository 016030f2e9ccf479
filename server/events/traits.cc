#include "server/events/traits.h"

#include "absl/status/status.h"

namespace authflow {

std::string SealTraits(const Keys& keys, const FlowId& flow_id, const v1::IdentityTraits& traits) {
  if (traits.email().empty() && traits.name().empty()) return "";
  return keys.Seal(traits.SerializeAsString(), flow_id.ToString());
}

absl::StatusOr<std::optional<v1::IdentityTraits>> OpenTraits(const Keys& keys, const v1::FunnelEvent& event) {
  if (event.identify().sealed_traits().empty()) return std::nullopt;
  const auto plain = keys.Open(event.identify().sealed_traits(), event.flow_id());
  v1::IdentityTraits traits;
  if (!plain.ok() || !traits.ParseFromString(*plain)) {
    return absl::DataLossError("the traits of an identify were sealed with a key that this server does not have");
  }
  return traits;
}

}  // namespace authflow
