#include "server/process/operator_verbs.h"

#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/base/text.h"
#include "server/events/event.h"
#include "server/funnel/funnel.h"
#include "server/funnel/json.h"
#include "server/funnel/terminal.h"
#include "server/process/flow_verbs.h"
#include "server/process/signals.h"
#include "server/process/tail_verb.h"
#include "server/storage/operator.h"

namespace authflow {
namespace {

int Complain(const absl::Status& status) {
  std::cerr << "authflowd: " << std::string(status.message()) << "\n";
  return 1;
}

std::string Time(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone()); }

v1::FlowKind KindNamed(const std::string& name) {
  for (const v1::FlowKind kind : {v1::FLOW_KIND_LOGIN, v1::FLOW_KIND_SIGNUP, v1::FLOW_KIND_REAUTHENTICATION}) {
    if (name == KindName(kind)) return kind;
  }
  return v1::FLOW_KIND_UNSPECIFIED;
}

// As the environment says it, in the order in which setlocale looks.
bool HasUtf8() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* const value = std::getenv(variable);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale = value;
    return locale.find("UTF-8") != locale.npos || locale.find("utf8") != locale.npos;
  }
  return false;
}

int ShowFunnel(const Options& options) {
  FunnelCounter counter({.product = options.product,
                         .kind = KindNamed(options.flow_kind),
                         .windows = {options.since},
                         .max_rows = options.max_rows},
                        absl::Now());
  const auto read = ReadNewestRows(options.data, [&counter](LogRow row) { return counter.Add(std::move(row)); });
  if (!read.ok()) return Complain(read);
  const FunnelWindow window = counter.Finish().front();
  std::cout << (options.json ? ToJson(window) : DrawInTerminal(window, HasUtf8()));
  return 0;
}

int ListOutbox(const Options& options) {
  const auto dead = ListDead(options.data, options.product, options.limit);
  if (!dead.ok()) return Complain(dead.status());
  for (const DeadLetter& letter : *dead) {
    std::cout << letter.id << "  " << Time(letter.time) << "  " << letter.product << "  " << letter.event << "  "
              << (letter.flow_id.empty() ? "invocation=" + letter.invocation_id : "flow=" + letter.flow_id)
              << "  messageId=" << letter.message_id << "  " << letter.reason << "\n";
  }
  std::cerr << dead->size() << (dead->size() == 1 ? " dead event" : " dead events")
            << (static_cast<int>(dead->size()) == options.limit ? " (there may be more: --limit)" : "") << "\n";
  return 0;
}

int RetryOutbox(const Options& options) {
  const auto revived = RetryDead(options.data, options.product, options.event_id);
  if (!revived.ok()) return Complain(revived.status());
  std::cerr << *revived << (*revived == 1 ? " event waits" : " events wait") << " for the sink again\n";
  return 0;
}

void SayContent(const BackupContent& content) {
  std::cerr << "It has " << content.open_flows << " open flows, " << content.undelivered << " undelivered events and "
            << content.dead << " dead ones.\n";
}

int MakeBackup(const Options& options) {
  const auto content = BackUp(options.data, options.file);
  if (!content.ok()) return Complain(content.status());
  std::cerr << "Wrote " << options.file << ".\n";
  SayContent(*content);
  std::cerr
      << "Keep the server's key (DIR/server.key, or what --key-file names) with it: tokens of open flows and sealed "
         "traits need it.\n";
  return 0;
}

int Restore(const Options& options) {
  const auto content = RestoreBackup(options.file, options.data);
  if (!content.ok()) return Complain(content.status());
  std::cerr << "Restored " << options.data << "/authflow.db.\n";
  SayContent(*content);
  std::cerr
      << "Sent again when the server starts: the undelivered events, and an end for each of the open flows. What the "
         "sink has already comes with the same messageId: a duplicate, not a second event.\n";
  return 0;
}

}  // namespace

int RunOperatorVerb(const Options& options) {
  switch (options.verb) {
    case Verb::kTail:
      return RunTail(options);
    case Verb::kFunnel:
      GiveSignalsBack();
      return ShowFunnel(options);
    case Verb::kFlowShow:
      return RunFlowShow(options);
    case Verb::kFlowList:
      GiveSignalsBack();
      return RunFlowList(options);
    case Verb::kOutboxList:
      return ListOutbox(options);
    case Verb::kOutboxRetry:
      return RetryOutbox(options);
    case Verb::kBackup:
      return MakeBackup(options);
    default:
      return Restore(options);
  }
}

}  // namespace authflow
