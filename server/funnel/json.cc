#include "server/funnel/json.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <variant>

#include "server/base/error_class.h"
#include "server/base/text.h"
#include "server/events/event.h"
#include "server/funnel/wording.h"

namespace authflow {
namespace {

using Json = nlohmann::ordered_json;

std::string Time(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone()); }

Json Milliseconds(const std::optional<absl::Duration>& duration) {
  return duration ? Json(absl::ToInt64Milliseconds(*duration)) : Json(nullptr);
}

Json ToJson(const FailureClass& failures) {
  Json latest = Json::array();
  for (const Failure& failure : failures.latest) {
    latest.push_back(
        {{"time", Time(failure.time)}, {"flow_id", failure.flow_id.ToString()}, {"step", StepName(failure.step)}});
  }
  return {{"error_class", std::string(NameOf(failures.error_class))},
          {"flows", failures.flows},
          {"latest", std::move(latest)}};
}

Json ToJson(const Funnel& funnel) {
  Json bars = Json::array(), steps = Json::array(), drop_offs = Json::array(), failures = Json::array();
  for (const FunnelBar& bar : BarsOf(funnel)) {
    bars.push_back({{"name", bar.name}, {"flows", bar.flows}, {"dropped", bar.dropped}});
  }
  for (const StepNumbers& step : funnel.steps) {
    steps.push_back({{"step", StepName(step.step)},
                     {"reached", step.reached},
                     {"dropped", step.dropped},
                     {"median_ms", Milliseconds(step.median)}});
  }
  for (const DropOff& drop_off : funnel.drop_offs) {
    const bool aborted = std::holds_alternative<Aborted>(drop_off.outcome);
    drop_offs.push_back({{"step", StepName(drop_off.step)},
                         {"outcome", std::string(OutcomeName(drop_off.outcome))},
                         {aborted ? "reason" : "error_class", std::string(CauseOf(drop_off.outcome))},
                         {"flows", drop_off.flows}});
  }
  for (const FailureClass& of_class : funnel.failures) failures.push_back(ToJson(of_class));
  return {{"product", funnel.product},
          {"flow", KindName(funnel.kind)},
          {"started", funnel.started},
          {"completed", funnel.completed},
          {"aborted", funnel.aborted},
          {"failed", funnel.failed},
          {"open", funnel.open},
          {"median_completed_ms", Milliseconds(funnel.median_completed)},
          {"bars", std::move(bars)},
          {"steps", std::move(steps)},
          {"drop_offs", std::move(drop_offs)},
          {"failures", std::move(failures)}};
}

}  // namespace

std::string ToJson(const FunnelWindow& window) {
  Json funnels = Json::array();
  for (const Funnel& funnel : window.funnels) funnels.push_back(ToJson(funnel));
  const Json document = {{"since", Time(window.since)},
                         {"until", Time(window.until)},
                         {"from", Time(window.from)},
                         {"cut", window.cut()},
                         {"funnels", std::move(funnels)}};
  return Cat(document.dump(2), "\n");
}

}  // namespace authflow
