#include "server/process/flow_verbs.h"

#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/base/error_class.h"
#include "server/base/text.h"
#include "server/base/uuid.h"
#include "server/events/event.h"
#include "server/funnel/whole_flows.h"
#include "server/funnel/wording.h"
#include "server/storage/operator.h"

namespace authflow {
namespace {

int Complain(const absl::Status& status) {
  std::cerr << "authflowd: " << std::string(status.message()) << "\n";
  return 1;
}

std::string Time(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone()); }

// An entry in a line. Nothing secret is in a log.
struct Line {
  std::string operator()(const Started& started) const {
    const Header& header = started.header;
    return Cat("started  product=", header.product, " kind=", KindName(header.kind),
               " invocation=", header.invocation.ToString(), " expires=", Time(header.expire),
               header.tracked ? "" : " opted_out");
  }
  std::string operator()(const Attached&) const { return "attached"; }
  std::string operator()(const Entered& entered) const {
    return Cat("entered  step=", StepName(entered.step), " attempt=", entered.attempt);
  }
  std::string operator()(const ExchangeBegun& begun) const {
    return Cat("exchange_begun  attempt=", begun.attempt, " until=", Time(begun.until));
  }
  std::string operator()(const Exchanged&) const { return "exchanged"; }
  std::string operator()(const CallFailed& failed) const {
    return Cat("call_failed  error_class=", NameOf(failed.error_class), failed.way_left ? " way_left" : "");
  }
  std::string operator()(const CallOk&) const { return "call_ok"; }
  std::string operator()(const Ended& ended) const {
    if (const auto* aborted = std::get_if<Aborted>(&ended.outcome)) {
      return Cat("ended  aborted reason=", ReasonName(aborted->reason));
    }
    if (const auto* failed = std::get_if<Failed>(&ended.outcome)) {
      return Cat("ended  failed error_class=", NameOf(failed->error_class));
    }
    return "ended  completed";
  }
};

// The user whom it was about, as far as it knew: claimed at its start, or learned.
bool IsOf(const std::vector<Entry>& log, const std::string& user_id) {
  for (const Entry& entry : log) {
    if (const auto* started = std::get_if<Started>(&entry.what)) {
      if (started->header.claimed_user_id == user_id) return true;
    }
    if (const auto* exchanged = std::get_if<Exchanged>(&entry.what)) {
      if (exchanged->user_id == user_id) return true;
    }
  }
  return false;
}

bool Fits(const Options& options, const Flow& flow, const std::vector<Entry>& log, absl::Time since) {
  if (flow.header.start < since) return false;
  if (!options.product.empty() && flow.header.product != options.product) return false;
  if (!options.flow_kind.empty() && KindName(flow.header.kind) != options.flow_kind) return false;
  if (!options.outcome.empty()) {
    const bool open = options.outcome == "open";
    if (open != !flow.outcome) return false;
    if (!open && OutcomeName(*flow.outcome) != options.outcome && CauseOf(*flow.outcome) != options.outcome)
      return false;
  }
  return options.user.empty() || IsOf(log, options.user);
}

// Never who it was: whoever asks for a user knows.
std::string ListLine(const Flow& flow, absl::Time now) {
  std::string line = Cat(Time(flow.header.start), "  ", flow.header.id.ToString(), "  ", flow.header.product, " ",
                         KindName(flow.header.kind), "  ", flow.outcome ? OutcomeName(*flow.outcome) : "open");
  if (flow.outcome && !CauseOf(*flow.outcome).empty()) line += Cat(" ", CauseOf(*flow.outcome));
  return Cat(line, "  step=", StepName(flow.step),
             " took=", ShowDuration((flow.outcome ? flow.end : now) - flow.header.start));
}

}  // namespace

int RunFlowShow(const Options& options) {
  const auto id = Uuid::Parse(options.flow_id);
  if (!id) return Complain(absl::InvalidArgumentError("\"" + options.flow_id + "\" is not the id of a flow"));
  const auto log = ReadFlow(options.data, *id);
  if (!log.ok()) return Complain(log.status());
  for (const Entry& entry : *log) {
    std::cout << entry.number << "  " << Time(entry.time) << "  " << std::visit(Line{}, entry.what) << "\n";
  }
  return 0;
}

int RunFlowList(const Options& options) {
  const absl::Time now = absl::Now(), since = now - options.since;
  WholeFlows flows;
  int shown = 0;
  const auto read = ReadNewestRows(options.data, [&](LogRow row) {
    if (const auto log = flows.Add(std::move(row))) {
      const absl::StatusOr<Flow> flow = Flow::FromLog(*log);
      if (flow.ok() && Fits(options, *flow, *log, since)) {
        std::cout << ListLine(*flow, now) << "\n";
        ++shown;
      }
    }
    return shown < options.limit && flows.oldest() >= since - kRowDisorder;
  });
  if (!read.ok()) return Complain(read);
  std::cerr << shown << (shown == 1 ? " flow" : " flows")
            << (shown == options.limit ? " (there may be more: --limit)" : "") << "\n";
  return 0;
}

}  // namespace authflow
