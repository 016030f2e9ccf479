#include "server/delivery/batch.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "server/delivery/sink.h"
#include "server/events/segment.h"
#include "server/events/traits.h"

namespace authflow {
namespace {

using Json = nlohmann::ordered_json;

// The message, or why there is none.
struct Rendered {
  std::string message;
  std::string refusal;
};

Rendered Render(const v1::FunnelEvent& event, const Keys& keys) {
  if (event.event_case() == v1::FunnelEvent::EVENT_NOT_SET) return {.message = "", .refusal = "unknown_event"};
  const auto traits = OpenTraits(keys, event);
  if (!traits.ok()) return {.message = "", .refusal = "sealed"};
  // The wire refuses what is not UTF-8; should any have come in otherwise, a replacement character is better than a
  // throw.
  std::string message = ToSegment(event, *traits).dump(-1, ' ', false, Json::error_handler_t::replace);
  if (message.size() > kMaxMessageBytes) return {.message = "", .refusal = "too_large"};
  return {.message = std::move(message), .refusal = ""};
}

}  // namespace

Batch MakeBatch(const std::vector<OutboxEvent>& events, const Keys& keys) {
  Batch batch;
  absl::flat_hash_set<std::string> parked;
  size_t bytes = 0;
  for (const OutboxEvent& claimed : events) {
    const std::string& flow_id = claimed.event.flow_id();
    if (parked.contains(flow_id)) continue;
    Rendered rendered = Render(claimed.event, keys);
    if (!rendered.refusal.empty()) {
      batch.dead.push_back({.id = claimed.id, .reason = std::move(rendered.refusal)});
      if (!flow_id.empty()) parked.insert(flow_id);
      continue;
    }
    bytes += rendered.message.size() + 1;
    if (bytes > kMaxBatchBytes) break;
    batch.letters.push_back({.id = claimed.id, .flow_id = flow_id, .message = std::move(rendered.message)});
  }
  return batch;
}

}  // namespace authflow
