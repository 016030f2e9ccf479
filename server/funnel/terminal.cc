#include "server/funnel/terminal.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_format.h"
#include "server/base/error_class.h"
#include "server/base/text.h"
#include "server/events/event.h"
#include "server/funnel/wording.h"

namespace authflow {
namespace {

constexpr int64_t kBarWidth = 32;

std::string Repeat(std::string_view what, int64_t times) {
  std::string text;
  for (int64_t i = 0; i < times; ++i) text += what;
  return text;
}

// At least one column for anything that is not nothing.
int64_t Columns(int64_t part, int64_t whole) {
  return part == 0 ? 0 : std::max<int64_t>(1, part * kBarWidth / std::max<int64_t>(whole, 1));
}

void DrawBars(const Funnel& funnel, bool blocks, std::string& text) {
  for (const FunnelBar& bar : BarsOf(funnel)) {
    const int64_t whole = Columns(bar.flows, funnel.started);
    const int64_t dropped = std::min(Columns(bar.dropped, funnel.started), whole);
    absl::StrAppendFormat(&text, "  %-24s %6d %6s  ", bar.name, bar.flows, ShowShare(bar.flows, funnel.started));
    text += Repeat(blocks ? "█" : "#", whole - dropped) + Repeat(blocks ? "░" : "-", dropped) + "\n";
  }
}

void Draw(const Funnel& funnel, bool blocks, std::string& text) {
  absl::StrAppend(&text, "\n", funnel.product, " ", KindName(funnel.kind), ": ", funnel.started, " started, ",
                  funnel.completed, " completed (", ShowShare(funnel.completed, funnel.started), "), ", funnel.aborted,
                  " aborted, ", funnel.failed, " failed, ", funnel.open, " open\n\n");
  DrawBars(funnel, blocks, text);
  text += "\n  median time:";
  for (const StepNumbers& step : funnel.steps) {
    if (step.median)
      absl::StrAppend(&text, "\n    ", absl::StrFormat("%-22s ", StepName(step.step)), ShowDuration(step.median));
  }
  absl::StrAppend(&text, "\n    ", absl::StrFormat("%-22s ", "start to completed"),
                  ShowDuration(funnel.median_completed), "\n");
  if (funnel.drop_offs.empty()) return;
  absl::StrAppend(&text, "\n  ended without completing (", blocks ? "░" : "-", "):\n");
  for (const DropOff& drop_off : funnel.drop_offs) {
    const std::string_view step = drop_off.step == v1::STEP_UNSPECIFIED ? "before the first" : StepName(drop_off.step);
    absl::StrAppendFormat(&text, "    %-22s %6d  %s %s\n", ToAbsl(step), drop_off.flows,
                          ToAbsl(OutcomeName(drop_off.outcome)), ToAbsl(CauseOf(drop_off.outcome)));
  }
  if (funnel.failures.empty()) return;
  text += "\n  latest failures:\n";
  for (const FailureClass& of_class : funnel.failures) {
    const Failure& latest = of_class.latest.front();
    absl::StrAppendFormat(&text, "    %s (%d)\n      %s  %s\n", NameOf(of_class.error_class), of_class.flows,
                          ShowTime(latest.time), latest.flow_id.ToString());
  }
}

}  // namespace

std::string DrawInTerminal(const FunnelWindow& window, bool blocks) {
  std::string text = Cat("Flows that started from ", ShowTime(window.from), " to ", ShowTime(window.until), " UTC\n");
  if (window.cut()) text += "Not the whole time asked for: earlier flows are more than are read (--max-rows).\n";
  if (window.funnels.empty()) text += "\nNone.\n";
  for (const Funnel& funnel : window.funnels) Draw(funnel, blocks, text);
  return text;
}

}  // namespace authflow
