#include "server/flow/flow.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace authflow {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

void Enters(Flow& flow, v1::Step step, absl::Time time) {
  flow.step = step;
  flow.step_time = time;
  flow.entered |= 1u << step;
}

}  // namespace

absl::Time Flow::DueAt() const {
  if (outcome) return absl::InfiniteFuture();
  absl::Time due = header.expire;
  if (step == v1::STEP_UNSPECIFIED || step == v1::STEP_BROWSER_WAIT) {
    due = std::min(due, step_time + header.browser_wait);
  }
  // No end by the clock while an exchange may still answer.
  if (exchange && !exchange->answered) due = std::max(due, exchange->until);
  return due;
}

Entry Flow::Start(Header header) {
  const absl::Time start = header.start;
  return Entry{.number = 1, .time = start, .what = Started{std::move(header)}};
}

Flow Flow::With(const Entry& entry) const {
  Flow flow = *this;
  flow.length = entry.number;
  flow.last_time = entry.time;
  // A refusal counts only while nothing but a watch has come after it.
  if (!std::holds_alternative<Attached>(entry.what)) {
    flow.trouble.reset();
    flow.way_closed.reset();
  }
  std::visit(Overloaded{
                 [&](const Started& started) {
                   flow.header = started.header;
                   flow.step_time = entry.time;
                 },
                 [&](const Attached&) { flow.attachment = entry.number; },
                 [&](const Entered& entered) {
                   if (entered.attempt != flow.attempt) {
                     flow.attempt = entered.attempt;
                     flow.entered = 0;
                     flow.owner.clear();
                   }
                   Enters(flow, entered.step, entry.time);
                 },
                 [&](const ExchangeBegun& begun) {
                   flow.exchange = Exchange{.attempt = begun.attempt, .code = begun.code, .until = begun.until};
                   flow.codes.push_back(begun.code);
                   Enters(flow, v1::STEP_CODE_EXCHANGE, entry.time);
                 },
                 [&](const Exchanged& exchanged) {
                   flow.user_id = exchanged.user_id;
                   flow.owner = exchanged.owner;
                   if (flow.exchange) flow.exchange->answered = true;
                 },
                 [&](const CallFailed& failed) {
                   if (failed.way_left) {
                     flow.way_closed = failed.error_class;
                     return;
                   }
                   flow.trouble = failed.error_class;
                   if (flow.exchange) flow.exchange->answered = true;
                 },
                 [&](const CallOk&) {},
                 [&](const Ended& ended) {
                   flow.outcome = ended.outcome;
                   flow.end = entry.time;
                 },
             },
             entry.what);
  return flow;
}

absl::StatusOr<Flow> Flow::FromLog(const std::vector<Entry>& log) {
  if (log.empty() || !std::holds_alternative<Started>(log.front().what)) {
    return absl::DataLossError("a flow's log does not begin with its start");
  }
  Flow flow;
  for (const Entry& entry : log) {
    if (entry.number != flow.length + 1) {
      return absl::DataLossError(absl::StrCat("a flow's log has a gap before entry ", entry.number));
    }
    flow = flow.With(entry);
  }
  return flow;
}

}  // namespace authflow
