// The words and numbers that the funnel's drawings share.
#ifndef AUTHFLOW_SERVER_FUNNEL_WORDING_H_
#define AUTHFLOW_SERVER_FUNNEL_WORDING_H_

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "server/funnel/funnel.h"

namespace authflow {

// "1h", "90m", "24h", "7d": a minute at least and 366 days at most; nullopt for anything else.
std::optional<absl::Duration> ParseWindow(std::string_view text);
// "hour", "24 hours", "7 days".
std::string WindowName(absl::Duration window);

// "340 ms", "9.9 s", "2 min 5 s", "1 h 3 min"; "-" for none.
std::string ShowDuration(std::optional<absl::Duration> duration);
// "25 %", "0.4 %"; "-" of nothing.
std::string ShowShare(int64_t part, int64_t whole);
// "2026-11-26 14:03:09", UTC.
std::string ShowTime(absl::Time time);

// As in events: "aborted", and "user_cancelled" or an error class (empty for completed).
std::string_view OutcomeName(const Outcome& outcome);
std::string_view CauseOf(const Outcome& outcome);

// A bar of the picture: a place that flows pass. app_select and app_create are one.
struct FunnelBar {
  std::string name;  // as in events; "started", "completed"
  int64_t flows = 0;
  int64_t dropped = 0;  // of them ended there without completing
};
// From "started" to "completed".
std::array<FunnelBar, 7> BarsOf(const Funnel& funnel);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FUNNEL_WORDING_H_
