#include "server/delivery/plain_sinks.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace authflow {
namespace {

using Json = nlohmann::ordered_json;

class NoneSink final : public Sink {
 public:
  const char* kind() const override { return "none"; }
  absl::Duration timeout() const override { return absl::Seconds(1); }
  Task<Delivery> Deliver(std::vector<std::string>) override {
    Delivery delivery;
    delivery.result = Delivery::Result::kDelivered;
    co_return delivery;
  }
};

class ConsoleSink final : public Sink {
 public:
  explicit ConsoleSink(std::FILE* out) : out_(out) {}
  const char* kind() const override { return "console"; }
  absl::Duration timeout() const override { return absl::Seconds(5); }
  Task<Delivery> Deliver(std::vector<std::string> messages) override {
    std::string lines;
    for (const std::string& message : messages) {
      lines += ConsoleLine(message);
      lines += '\n';
    }
    Print(lines);
    Delivery delivery;
    delivery.result = Delivery::Result::kDelivered;
    co_return delivery;
  }

 private:
  void Print(const std::string& lines) {
    absl::MutexLock lock(&mutex_);
    std::fwrite(lines.data(), 1, lines.size(), out_);
    std::fflush(out_);
  }

  absl::Mutex mutex_;
  std::FILE* const out_ ABSL_PT_GUARDED_BY(mutex_);
};

// What each event has in common with all others of its run: of no interest line by line.
bool IsBase(std::string_view name) {
  constexpr std::array<std::string_view, 11> kBase = {"invocation_id",
                                                      "app_id",
                                                      "command",
                                                      "flags",
                                                      "sequence",
                                                      "flow_id",
                                                      "cli_context",
                                                      "version",
                                                      "operating_system",
                                                      "configured_applications",
                                                      "is_ci"};
  return std::find(kBase.begin(), kBase.end(), name) != kBase.end();
}

// Strings without quotes where none are needed.
std::string Plain(const Json& value) {
  if (!value.is_string()) return value.dump(-1, ' ', false, Json::error_handler_t::replace);
  const auto& text = value.get_ref<const std::string&>();
  const bool simple = !text.empty() && text.find_first_of(" \"\\") == std::string::npos;
  return simple ? text : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string Text(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() || !it->is_string() ? "" : it->get<std::string>();
}

}  // namespace

std::string ConsoleLine(const std::string& message) {
  const Json json = Json::parse(message, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return message;
  const std::string timestamp = Text(json, "timestamp");
  // The time of day: "2026-11-24T13:36:46.123Z".
  std::string line = timestamp.size() == 24 ? timestamp.substr(11, 12) : timestamp;
  const std::string user = Text(json, "userId");
  if (Text(json, "type") == "identify") {
    line += "     identify ";
    const Json traits = json.value("traits", Json::object());
    for (const auto& [name, value] : traits.items()) line += " " + name;
  } else {
    const Json properties = json.value("properties", Json::object());
    line += "  #" + properties.value("sequence", Json(0)).dump() + " " + Text(json, "event") + " ";
    for (const auto& [name, value] : properties.items()) {
      if (!IsBase(name)) line += " " + name + "=" + Plain(value);
    }
    line += "  command=" + Plain(properties.value("command", Json("")));
    const std::string flow_id = Text(properties, "flow_id");
    if (!flow_id.empty()) line += " flow_id=" + flow_id;
  }
  line += "  user=" + (user.empty() ? "-" : Plain(Json(user)));
  return line;
}

std::shared_ptr<Sink> NewNoneSink() { return std::make_shared<NoneSink>(); }

std::shared_ptr<Sink> NewConsoleSink(std::FILE* out) { return std::make_shared<ConsoleSink>(out); }

}  // namespace authflow
