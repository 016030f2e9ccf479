#include "server/funnel/wording.h"

#include <algorithm>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "server/base/error_class.h"
#include "server/base/text.h"
#include "server/events/event.h"

namespace authflow {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

}  // namespace

std::optional<absl::Duration> ParseWindow(std::string_view text) {
  absl::Duration window;
  int days = 0;
  if (text.ends_with('d') && absl::SimpleAtoi(ToAbsl(text.substr(0, text.size() - 1)), &days)) {
    window = days * kDay;
  } else if (!absl::ParseDuration(ToAbsl(text), &window)) {
    return std::nullopt;
  }
  if (window < absl::Minutes(1) || window > 366 * kDay) return std::nullopt;
  return window;
}

std::string WindowName(absl::Duration window) {
  if (window == absl::Hours(1)) return "hour";
  if (window > kDay && window % kDay == absl::ZeroDuration()) return Cat(window / kDay, " days");
  if (window % absl::Hours(1) == absl::ZeroDuration()) return Cat(window / absl::Hours(1), " hours");
  return ShowDuration(window);
}

std::string ShowDuration(std::optional<absl::Duration> duration) {
  if (!duration) return "-";
  const int64_t ms = absl::ToInt64Milliseconds(*duration);
  if (ms < 1000) return Cat(ms, " ms");
  if (ms < 60'000) return absl::StrFormat("%.1f s", static_cast<double>(ms / 100) / 10);
  const int64_t s = ms / 1000;
  if (s < 3600) return Cat(s / 60, " min ", s % 60, " s");
  return Cat(s / 3600, " h ", s % 3600 / 60, " min");
}

std::string ShowShare(int64_t part, int64_t whole) {
  if (whole == 0) return "-";
  const double percent = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  const bool round = percent == 0 || (percent >= 1 && percent <= 99) || percent == 100;
  return round ? absl::StrFormat("%.0f %%", percent) : absl::StrFormat("%.1f %%", percent);
}

std::string ShowTime(absl::Time time) { return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, absl::UTCTimeZone()); }

std::string_view OutcomeName(const Outcome& outcome) {
  if (std::holds_alternative<Completed>(outcome)) return "completed";
  return std::holds_alternative<Aborted>(outcome) ? "aborted" : "failed";
}

std::string_view CauseOf(const Outcome& outcome) {
  if (const auto* aborted = std::get_if<Aborted>(&outcome)) return ReasonName(aborted->reason);
  if (const auto* failed = std::get_if<Failed>(&outcome)) return NameOf(failed->error_class);
  return "";
}

std::array<FunnelBar, 7> BarsOf(const Funnel& funnel) {
  const auto at = [&funnel](v1::Step step) {
    const StepNumbers& numbers = *std::ranges::find(funnel.steps, step, &StepNumbers::step);
    return FunnelBar{StepName(step), numbers.reached, numbers.dropped};
  };
  FunnelBar application = at(v1::STEP_APP_SELECT);
  application.name = "app_select or app_create";
  application.flows = funnel.reached_application;
  application.dropped += at(v1::STEP_APP_CREATE).dropped;
  FunnelBar started = at(v1::STEP_UNSPECIFIED);
  started.name = "started";
  return {started,     at(v1::STEP_BROWSER_WAIT),      at(v1::STEP_CODE_EXCHANGE),        at(v1::STEP_APPS_FETCH),
          application, at(v1::STEP_PROFILE_CONFIGURE), {"completed", funnel.completed, 0}};
}

}  // namespace authflow
