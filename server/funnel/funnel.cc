#include "server/funnel/funnel.h"

#include <algorithm>
#include <variant>

namespace authflow {
namespace {

// What one flow's log says, once for all windows.
struct FlowSummary {
  Flow flow;                                                // at its end, or now
  unsigned reached = 0;                                     // bit 1 << step, over all attempts
  std::vector<std::pair<v1::Step, absl::Duration>> visits;  // that are over
};

FlowSummary Summarise(const std::vector<Entry>& log) {
  FlowSummary summary{.reached = 1u << v1::STEP_UNSPECIFIED};
  for (const Entry& entry : log) {
    Flow after = summary.flow.With(entry);
    const Flow& before = summary.flow;
    const bool moved = after.step != before.step || after.attempt != before.attempt;
    if ((moved || after.outcome) && before.step != v1::STEP_UNSPECIFIED) {
      summary.visits.emplace_back(before.step, entry.time - before.step_time);
    }
    summary.reached |= 1u << after.step;
    summary.flow = std::move(after);
  }
  return summary;
}

// The smallest that half of them do not exceed.
std::optional<absl::Duration> Median(std::vector<absl::Duration>& values) {
  if (values.empty()) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

size_t IndexOf(v1::Step step) {
  return static_cast<size_t>(std::ranges::find(kFunnelSteps, step) - kFunnelSteps.begin());
}

// Sorts and finds outcomes: the alternative, then its reason or class.
std::pair<size_t, int> KeyOf(const Outcome& outcome) {
  if (const auto* aborted = std::get_if<Aborted>(&outcome)) return {outcome.index(), aborted->reason};
  if (const auto* failed = std::get_if<Failed>(&outcome)) return {outcome.index(), failed->error_class};
  return {outcome.index(), 0};
}

}  // namespace

struct FunnelCounter::Tally {
  Funnel funnel;
  std::array<std::vector<absl::Duration>, kFunnelSteps.size()> visits;
  std::vector<absl::Duration> completions;
  std::map<std::pair<size_t, std::pair<size_t, int>>, DropOff> drop_offs;  // by step and outcome
  std::map<ErrorClass, FailureClass> failures;

  void Add(const FlowSummary& summary) {
    const Flow& flow = summary.flow;
    ++funnel.started;
    for (size_t i = 0; i < kFunnelSteps.size(); ++i) {
      funnel.steps[i].step = kFunnelSteps[i];
      if ((summary.reached & 1u << kFunnelSteps[i]) != 0) ++funnel.steps[i].reached;
    }
    if ((summary.reached & (1u << v1::STEP_APP_SELECT | 1u << v1::STEP_APP_CREATE)) != 0) ++funnel.reached_application;
    for (const auto& [step, dwell] : summary.visits) {
      if (const size_t i = IndexOf(step); i < visits.size()) visits[i].push_back(dwell);
    }
    if (!flow.outcome) {
      ++funnel.open;
      return;
    }
    if (std::holds_alternative<Completed>(*flow.outcome)) {
      ++funnel.completed;
      completions.push_back(flow.end - flow.header.start);
      return;
    }
    AddDropOff(flow);
  }

  void AddDropOff(const Flow& flow) {
    const size_t i = IndexOf(flow.step);
    if (i < funnel.steps.size()) ++funnel.steps[i].dropped;
    DropOff& drop_off = drop_offs[{i, KeyOf(*flow.outcome)}];
    drop_off.step = flow.step;
    drop_off.outcome = *flow.outcome;
    ++drop_off.flows;
    const auto* failed = std::get_if<Failed>(&*flow.outcome);
    if (failed == nullptr) {
      ++funnel.aborted;
      return;
    }
    ++funnel.failed;
    FailureClass& of_class = failures[failed->error_class];
    of_class.error_class = failed->error_class;
    ++of_class.flows;
    const Failure failure{.time = flow.end, .flow_id = flow.header.id, .step = flow.step};
    const auto later = [](const Failure& a, const Failure& b) { return a.time > b.time; };
    of_class.latest.insert(std::ranges::upper_bound(of_class.latest, failure, later), failure);
    if (of_class.latest.size() > kLatestFailures) of_class.latest.pop_back();
  }

  Funnel Finish() {
    for (size_t i = 0; i < visits.size(); ++i) funnel.steps[i].median = Median(visits[i]);
    funnel.median_completed = Median(completions);
    for (auto& [key, drop_off] : drop_offs) funnel.drop_offs.push_back(drop_off);
    std::ranges::stable_sort(funnel.drop_offs, [](const DropOff& a, const DropOff& b) {
      return std::pair(IndexOf(a.step), -a.flows) < std::pair(IndexOf(b.step), -b.flows);
    });
    for (auto& [error_class, of_class] : failures) funnel.failures.push_back(std::move(of_class));
    std::ranges::stable_sort(funnel.failures, [](const FailureClass& a, const FailureClass& b) {
      return a.latest.front().time > b.latest.front().time;
    });
    return std::move(funnel);
  }
};

FunnelCounter::FunnelCounter(FunnelChoice choice, absl::Time now)
    : choice_(std::move(choice)), now_(now), earliest_(now), tallies_(choice_.windows.size()) {
  for (const absl::Duration window : choice_.windows) earliest_ = std::min(earliest_, now - window);
}

FunnelCounter::~FunnelCounter() = default;

bool FunnelCounter::Add(LogRow row) {
  if (flows_.rows() >= choice_.max_rows) {
    all_read_ = false;
    return false;
  }
  if (const auto log = flows_.Add(std::move(row))) Count(*log);
  return flows_.oldest() >= earliest_ - kRowDisorder;
}

void FunnelCounter::Count(const std::vector<Entry>& log) {
  const Header& header = std::get<Started>(log.front().what).header;
  if (header.start < earliest_ || (!choice_.product.empty() && header.product != choice_.product)) return;
  const bool chosen = choice_.kind == v1::FLOW_KIND_UNSPECIFIED ? header.kind != v1::FLOW_KIND_REAUTHENTICATION
                                                                : header.kind == choice_.kind;
  if (!chosen) return;
  const FlowSummary summary = Summarise(log);
  for (size_t i = 0; i < tallies_.size(); ++i) {
    if (header.start < now_ - choice_.windows[i]) continue;
    Tally& tally = tallies_[i][{header.product, header.kind}];
    tally.funnel.product = header.product;
    tally.funnel.kind = header.kind;
    tally.Add(summary);
  }
}

std::vector<FunnelWindow> FunnelCounter::Finish() {
  std::vector<FunnelWindow> windows;
  for (size_t i = 0; i < tallies_.size(); ++i) {
    FunnelWindow window{.since = now_ - choice_.windows[i], .until = now_};
    window.from = all_read_ ? window.since : std::max(window.since, flows_.oldest());
    for (auto& [key, tally] : tallies_[i]) window.funnels.push_back(tally.Finish());
    windows.push_back(std::move(window));
  }
  return windows;
}

}  // namespace authflow
