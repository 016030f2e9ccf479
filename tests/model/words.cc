// Traces for people.
#include "absl/strings/str_cat.h"
#include "tests/model/world.h"

namespace authflow::model {
namespace {

const char* Words(End end) {
  switch (end) {
    case End::kNone:
      return "open";
    case End::kCompleted:
      return "completed";
    case End::kCancelled:
      return "aborted, user_cancelled";
    case End::kClientLost:
      return "aborted, client_lost";
    case End::kExpired:
      return "aborted, expired";
    case End::kFailed:
      return "failed";
  }
  return "";
}

std::string Batch(const World& world, const State& s, const Replica& replica) {
  std::string words;
  for (int row = replica.send_from; row < replica.send_to; ++row) {
    absl::StrAppend(&words, words.empty() ? "" : " + ",
                    world.rules->event(static_cast<EventId>((s.outbox >> (4 * row)) & 15u)).words);
  }
  return words;
}

// What the client learned.
std::string Heard(const State& before, const State& after) {
  if (after.told_end != before.told_end) return absl::StrCat("the flow has ended: ", Words(after.told_end));
  if (after.told_signed_in != before.told_signed_in) return "signed in, with tokens";
  if (after.told_waits != before.told_waits) return absl::StrCat("in browser_wait, attempt ", int{after.attempt});
  if (after.told_started != before.told_started) return "started";
  if (after.position != before.position) return "refused";
  return "nobody waits";
}

const char* FinishWords(int what) { return what == 0 ? "completed" : what == 1 ? "failed" : "aborted"; }

}  // namespace

const char* Words(Broken broken) {
  switch (broken) {
    case Broken::kNothing:
      return "nothing is broken";
    case Broken::kTwoEnds:
      return "the log has two ends";
    case Broken::kEntryAfterTheEnd:
      return "the log goes on after its end";
    case Broken::kCompletedWithoutExchange:
      return "completed without an exchange";
    case Broken::kToldWhatIsNotWritten:
      return "the client was told what the log does not say";
    case Broken::kToldOtherwiseBefore:
      return "the client was told the contrary of what it was told before";
    case Broken::kCodePostedTwice:
      return "a code was posted twice";
    case Broken::kLostWhileAttached:
      return "client_lost while the newest watch is attached and alive";
    case Broken::kLostDespiteASignOfLife:
      return "client_lost although the log has grown since the break";
    case Broken::kEndedDuringAnExchange:
      return "ended by the clock during an exchange";
    case Broken::kTokensWithoutExchanged:
      return "tokens were handed out before the exchange was committed";
    case Broken::kSinkSawAnEventTwice:
      return "the sink took CLI Auth Started twice";
    case Broken::kSinkSawTwoEnds:
      return "the sink took two terminal events";
    case Broken::kSinkSawAnotherEnd:
      return "the sink took another end than the log's";
    case Broken::kSinkSawAnEndBeforeTheStart:
      return "the sink took the end before the start";
    case Broken::kEventGoneUnseen:
      return "an event left the outbox and the sink never had it";
    case Broken::kNeverEnded:
      return "at rest, and the flow has not ended";
    case Broken::kNeverDelivered:
      return "at rest, and the sink has not had start and end";
  }
  return "";
}

const char* Words(Kind kind) {
  switch (kind) {
    case Kind::kTick:
      return "time passes";
    case Kind::kCrash:
      return "crash";
    case Kind::kClientDies:
      return "client dies";
    case Kind::kCtrlC:
      return "Ctrl-C";
    case Kind::kGivesUp:
      return "client gives up";
    case Kind::kStartFlow:
      return "StartFlow";
    case Kind::kRecordStep:
      return "RecordStep";
    case Kind::kExchangeCode:
      return "ExchangeCode";
    case Kind::kFinishFlow:
      return "FinishFlow";
    case Kind::kWatchFlow:
      return "WatchFlow";
    case Kind::kAnswerLost:
      return "answer lost";
    case Kind::kStreamBreaks:
      return "stream breaks";
    case Kind::kCommit:
      return "append";
    case Kind::kCommitUnanswered:
      return "append unanswered";
    case Kind::kRereads:
      return "store looks for its writer tag";
    case Kind::kAnswer:
      return "answer";
    case Kind::kAttached:
      return "attached";
    case Kind::kNoticesTheBreak:
      return "break noticed";
    case Kind::kWatchTells:
      return "watch tells";
    case Kind::kGraceIsOver:
      return "grace over";
    case Kind::kLooksForOverdue:
      return "overdue ticker";
    case Kind::kPostsTheCode:
      return "code posted";
    case Kind::kProviderAnswers:
      return "provider answers";
    case Kind::kProviderRefuses:
      return "provider refuses";
    case Kind::kClaims:
      return "lane claimed";
    case Kind::kSinkAccepts:
      return "sink accepts";
    case Kind::kSinkAcceptsUnheard:
      return "sink accepts unheard";
    case Kind::kSinkRefuses:
      return "sink refuses";
    case Kind::kSettles:
      return "settled";
    case Kind::kSettleFails:
      return "settling fails";
    case Kind::kLeaseEnds:
      return "lease runs out";
    case Kind::kCount:
      break;
  }
  return "";
}

std::string Words(const World& world, const State& before, const Step& step) {
  const State& after = step.after;
  const Rules& rules = *world.rules;
  const int r = step.action.replica;
  const int what = step.action.what;
  const Replica& was = before.replicas[r];
  const std::string replica = absl::StrCat("replica ", r + 1);
  switch (step.action.kind) {
    case Kind::kTick:
      return absl::StrCat("time passes: instant ", int{after.clock});
    case Kind::kCrash:
      return absl::StrCat(replica, " crashes and starts again");
    case Kind::kClientDies:
      return "the client is killed";
    case Kind::kCtrlC:
      return "the user presses Ctrl-C";
    case Kind::kGivesUp:
      return "the client gives up";
    case Kind::kFinishFlow:
      return absl::StrCat("client -> ", replica, ": FinishFlow(", FinishWords(what), ")");
    case Kind::kStartFlow:
    case Kind::kRecordStep:
    case Kind::kExchangeCode:
    case Kind::kWatchFlow:
      return absl::StrCat("client -> ", replica, ": ", Words(step.action.kind));
    case Kind::kAnswerLost:
      return absl::StrCat("the client's call to ", replica, " breaks");
    case Kind::kStreamBreaks:
      return absl::StrCat("the client's stream to ", replica, " breaks");
    case Kind::kCommit: {
      const Run& run = was.*kRuns[what % 8];
      const std::string by = absl::StrCat(replica, ", for \"", rules.ProposalWords(run.proposal), "\"");
      if (after.log == before.log) return absl::StrCat("store: the number is taken (", by, ")");
      return absl::StrCat("store: ", rules.EntryWords(after.log), " (", by, ")");
    }
    case Kind::kCommitUnanswered: {
      const std::string wrote = after.log == before.log ? "nothing" : rules.EntryWords(after.log);
      return absl::StrCat("store: ", wrote, ", and the commit is not answered (", replica, ", for \"",
                          rules.ProposalWords((was.*kRuns[what % 8]).proposal), "\")");
    }
    case Kind::kRereads:
      return absl::StrCat("store: looks who wrote the number (", replica, ", for \"",
                          rules.ProposalWords((was.*kRuns[what % 8]).proposal), "\")");
    case Kind::kAnswer:
      return absl::StrCat(replica, " -> client: ", Heard(before, after));
    case Kind::kAttached:
      if (after.told_end != before.told_end) return absl::StrCat(replica, " -> client: ", Heard(before, after));
      return was.watch_waits ? absl::StrCat(replica, " -> client: attached")
                             : absl::StrCat(replica, " attaches the watch; its client is gone");
    case Kind::kNoticesTheBreak:
      return absl::StrCat(replica, " notices that the stream broke");
    case Kind::kWatchTells:
      return absl::StrCat(replica, " -> client, by the stream: ", Heard(before, after));
    case Kind::kGraceIsOver:
      return absl::StrCat(replica, ": the grace is over, client_lost{", int{was.gone_attachment}, ", ",
                          int{was.gone_length}, "}");
    case Kind::kLooksForOverdue:
      return absl::StrCat(replica, ": the overdue ticker looks at the flow");
    case Kind::kPostsTheCode:
      return absl::StrCat(replica, " -> provider: the code of attempt ", int{was.exchange_attempt});
    case Kind::kProviderAnswers:
      return absl::StrCat("provider -> ", replica, ": tokens");
    case Kind::kProviderRefuses:
      return absl::StrCat("provider -> ", replica, ": refused");
    case Kind::kClaims:
      return absl::StrCat(replica, " claims the lane: ", Batch(world, after, after.replicas[r]));
    case Kind::kSinkAccepts:
      return absl::StrCat("sink -> ", replica, ": accepted, ", Batch(world, before, was));
    case Kind::kSinkAcceptsUnheard:
      return absl::StrCat("sink: accepted, ", Batch(world, before, was), "; ", replica, " does not hear it");
    case Kind::kSinkRefuses:
      return absl::StrCat("sink -> ", replica, ": 503");
    case Kind::kSettles:
      return absl::StrCat(replica, " settles");
    case Kind::kSettleFails:
      return absl::StrCat(replica, " cannot settle");
    case Kind::kLeaseEnds:
      return absl::StrCat("the lease of ", replica, " runs out");
    case Kind::kCount:
      break;
  }
  return "";
}

}  // namespace authflow::model
