// The funnel: what became of the flows that started in a window of time, as numbers. Pure.
//
// Counted are flows, not events: opted-out flows too, as in the metrics. A flow belongs to the window in which it
// started, wherever it ended, so that started = completed + aborted + failed + open in each.
#ifndef AUTHFLOW_SERVER_FUNNEL_FUNNEL_H_
#define AUTHFLOW_SERVER_FUNNEL_FUNNEL_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/flow/flow.h"
#include "server/flow/flow_store.h"
#include "server/funnel/whole_flows.h"

namespace authflow {

// STEP_UNSPECIFIED, before the first step, and all steps in order.
inline constexpr std::array<v1::Step, 7> kFunnelSteps = {
    v1::STEP_UNSPECIFIED, v1::STEP_BROWSER_WAIT, v1::STEP_CODE_EXCHANGE,    v1::STEP_APPS_FETCH,
    v1::STEP_APP_SELECT,  v1::STEP_APP_CREATE,   v1::STEP_PROFILE_CONFIGURE};

struct StepNumbers {
  v1::Step step = v1::STEP_UNSPECIFIED;
  int64_t reached = 0;  // flows that were there, in any attempt
  int64_t dropped = 0;  // flows that ended there, aborted or failed
  // Of the visits that are over, exact: half of them took no longer. None before the first step.
  std::optional<absl::Duration> median;
};

// Flows that ended at one step in one way, aborted or failed.
struct DropOff {
  v1::Step step = v1::STEP_UNSPECIFIED;
  Outcome outcome;
  int64_t flows = 0;
};

struct Failure {
  absl::Time time;
  FlowId flow_id;
  v1::Step step = v1::STEP_UNSPECIFIED;
};

struct FailureClass {
  ErrorClass error_class = v1::ERROR_CLASS_UNSPECIFIED;
  int64_t flows = 0;
  std::vector<Failure> latest;  // the latest first, kLatestFailures at most
};
inline constexpr size_t kLatestFailures = 3;

struct Funnel {
  std::string product;
  v1::FlowKind kind = v1::FLOW_KIND_UNSPECIFIED;
  int64_t started = 0;
  int64_t completed = 0;
  int64_t aborted = 0;
  int64_t failed = 0;
  int64_t open = 0;
  std::optional<absl::Duration> median_completed;  // from start to end
  int64_t reached_application = 0;                 // app_select or app_create: they share a place
  std::array<StepNumbers, kFunnelSteps.size()> steps;
  std::vector<DropOff> drop_offs;      // in the order of steps; at each the most frequent first
  std::vector<FailureClass> failures;  // that with the latest failure first
};

struct FunnelWindow {
  absl::Time since;
  absl::Time until;
  absl::Time from;  // later than `since` when there was more to read than may be: earlier flows are left out
  std::vector<Funnel> funnels;  // in the order of products and kinds
  bool cut() const { return from > since; }
};

// Which flows to count.
struct FunnelChoice {
  std::string product;                            // empty: all
  v1::FlowKind kind = v1::FLOW_KIND_UNSPECIFIED;  // unspecified: logins and sign-ups
  std::vector<absl::Duration> windows;            // each until now
  int64_t max_rows = 200'000;                     // of the log, the newest
};

// Takes the log row by row, the newest first, and counts each flow in each window in which it started. Memory grows
// with the rows that it was given, not with the store.
class FunnelCounter {
 public:
  FunnelCounter(FunnelChoice choice, absl::Time now);
  ~FunnelCounter();

  // False: it wants no more.
  bool Add(LogRow row);
  // In the order of the windows. Call once.
  std::vector<FunnelWindow> Finish();

 private:
  struct Tally;
  using Tallies = std::map<std::pair<std::string, v1::FlowKind>, Tally>;

  void Count(const std::vector<Entry>& log);

  const FunnelChoice choice_;
  const absl::Time now_;
  absl::Time earliest_;  // start of the longest window
  WholeFlows flows_;
  std::vector<Tallies> tallies_;  // of each window
  bool all_read_ = true;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FUNNEL_FUNNEL_H_
