#include "server/process/tail_verb.h"

#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "server/base/text.h"
#include "server/events/segment.h"
#include "server/process/signals.h"
#include "server/storage/follower.h"

namespace authflow {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kAtOnce = 500;
constexpr absl::Duration kLookEvery = absl::Milliseconds(100);

int Complain(const absl::Status& status) {
  std::cerr << "authflowd: " << std::string(status.message()) << "\n";
  return 1;
}

// As the sink gets it, with the product in front, and without e-mail and name.
std::string JsonLine(const RecordedEvent& recorded) {
  Json line = {{"product", recorded.product}};
  line.update(ToSegment(recorded.event, std::nullopt));
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The event's own properties, which stand before those that all events of a run share.
std::string TextLine(const RecordedEvent& recorded) {
  const Json message = ToSegment(recorded.event, std::nullopt);
  const bool identify = message["type"] == "identify";
  std::string line = Cat(message["timestamp"].get<std::string>(), "  ", recorded.product, "  ",
                         identify ? "identify" : message["event"].get<std::string>());
  if (identify) return Cat(line, "  flow_id=", recorded.event.flow_id());
  line += " ";
  for (const auto& [name, value] : message["properties"].items()) {
    if (name == "app_id") break;
    line += Cat(" ", name, "=", value.is_string() ? value.get<std::string>() : value.dump());
  }
  return line;
}

}  // namespace

int RunTail(const Options& options) {
  const auto follower = EventFollower::Open(options.data);
  if (!follower.ok()) return Complain(follower.status());
  std::cerr << "Following what is recorded in " << options.data << "; Ctrl-C ends.\n";
  while (true) {
    const auto batch = (*follower)->Next(kAtOnce);
    if (!batch.ok()) return Complain(batch.status());
    if (batch->forgotten) std::cerr << "authflowd: stood still for too long: events may be missing here\n";
    for (const RecordedEvent& recorded : batch->events) {
      if (!options.product.empty() && recorded.product != options.product) continue;
      std::cout << (options.json ? JsonLine(recorded) : TextLine(recorded)) << "\n";
    }
    if (!std::cout.flush()) return 0;
    const bool more = batch->events.size() == kAtOnce;
    if (StopComesWithin(more ? absl::ZeroDuration() : kLookEvery)) return 0;
  }
}

}  // namespace authflow
