// What replicas have to do with: the client, the store and the sink.
#include <algorithm>

#include "tests/model/effect.h"

namespace authflow::model {

// Killed, or done: its connections end with it.
void Effect::ClientDies() {
  s_.home = kAnywhere;
  for (Replica& replica : replicas_) {
    Abandon(replica);
    replica.watch_waits = false;
    replica.attached_waits = false;
  }
  s_.position = Position::kGone;
}

void Effect::CtrlC() {
  for (Replica& replica : replicas_) Abandon(replica);
  s_.position = Position::kCancel;
}

void Effect::LoseAnswer() {
  --s_.answers_lost;
  Unpin();
  Abandon(r_);
}

void Effect::BreakStream() {
  --s_.streams_broken;
  Unpin();
  r_.watch_waits = false;
  r_.attached_waits = false;
}

// Nobody waits for the call any more; what it appends goes on.
void Effect::Abandon(Replica& replica) {
  replica.client_waits = false;
  if (replica.call.stage != Stage::kJoined && replica.call.stage != Stage::kAnswered) return;
  replica.call = {};
  replica.kind = Call::kNone;
  replica.reply = Reply::kNone;
}

void Effect::Tell(Call kind, Reply reply, LogId view) {
  switch (kind) {
    case Call::kStart:
      if (reply != Reply::kFlow) return ClientDies();
      s_.told_started = true;
      s_.position = Position::kStep;
      return;
    case Call::kStep:
      if (reply != Reply::kFlow) {
        s_.position = Position::kFail;
        return;
      }
      s_.attempt = static_cast<uint8_t>(rules_.flow(view).attempt);
      s_.told_waits = static_cast<uint8_t>(s_.told_waits | Bit(s_.attempt));
      s_.position = Position::kExchange;
      return;
    case Call::kExchange:
      if (reply == Reply::kTokens) {
        if ((rules_.facts(s_.log).exchanged & Bit(s_.attempt)) == 0) Break(Broken::kTokensWithoutExchanged);
        s_.told_signed_in = static_cast<uint8_t>(s_.told_signed_in | Bit(s_.attempt));
      }
      s_.position = reply == Reply::kTokens    ? Position::kComplete
                    : reply == Reply::kRefused ? Position::kTrouble
                                               : Position::kFail;
      return;
    case Call::kFinish:
      if (reply == Reply::kFlow) return TellEnd(view);
      // It has the tokens of its newest attempt.
      if (reply == Reply::kNotExchanged && (s_.told_signed_in & Bit(s_.attempt)) != 0) {
        Break(Broken::kToldOtherwiseBefore);
      }
      s_.position = Position::kFail;
      return;
    case Call::kNone:
      return;
  }
}

void Effect::TellEnd(LogId view) {
  s_.told_end = rules_.facts(view).end;
  ClientDies();
}

void Effect::Commit(uint8_t which) {
  Run& run = r_.*kRuns[which];
  const LogId next = NextOf(run);
  if (!Append(run.view, next)) return Lost(which);
  run.view = s_.log;
  run.stage = Stage::kWrote;
  Wrote(which);
}

void Effect::CommitUnanswered(uint8_t which, bool written) {
  --s_.commit_answers_lost;
  Run& run = r_.*kRuns[which];
  if (written) {
    Append(run.view, NextOf(run));
    run.stage = Stage::kUnknownWritten;
  } else {
    run.stage = Stage::kUnknownAbsent;
  }
}

// The store looks at entry number n: own tag, another's, or nobody's.
void Effect::Reread(uint8_t which) {
  Run& run = r_.*kRuns[which];
  const bool taken = Length(s_.log) > Length(run.view);
  const bool own = run.stage == Stage::kUnknownWritten;
  if (own || (taken && world_.bug == Bug::kCommitWithoutWriterTag)) {
    run.view = NextOf(run);
    run.stage = Stage::kWrote;
    Wrote(which);
  } else if (taken) {
    Lost(which);
  } else {
    run.stage = Stage::kAppend;
  }
}

// The contract of FlowStore::AppendEntry.
bool Effect::Append(LogId view, LogId next) {
  const LogId before = s_.log;
  const bool in_time = Length(view) == Length(before);
  if (world_.bug == Bug::kAppendWithoutCompareAndSet) {
    s_.log = view == before ? next : rules_.Append(before, next);
  } else if (world_.bug == Bug::kLastWriterOverwrites && !in_time) {
    s_.log = next;
  } else if (in_time) {
    s_.log = next;
  } else {
    return false;
  }
  if (Length(s_.log) == 1) s_.due = static_cast<uint8_t>(rules_.FirstDue(s_.log));
  if (world_.bug != Bug::kEventsOutsideTheTransaction) AddEvents(next);
  return true;
}

// Those of the log's last entry.
void Effect::AddEvents(LogId log) {
  const Facts& facts = rules_.facts(log);
  const int before = facts.events_before;
  for (int i = before; i < facts.event_count; ++i) {
    s_.outbox |= ((facts.events >> (4 * i)) & 15u) << (4 * s_.rows);
    ++s_.rows;
  }
}

void Effect::Claim() {
  s_.lease = static_cast<uint8_t>(1 + number_);
  r_.sending = Sending::kAsked;
  r_.send_from = s_.settled;
  r_.send_to = s_.rows;
  if (world_.bug == Bug::kSettleBeforeTheSinkAnswers) s_.settled = s_.rows;
}

void Effect::SinkAccepts(bool heard) {
  for (int row = r_.send_from; row < r_.send_to; ++row) See(row);
  r_.sending = heard ? Sending::kAccepted : Sending::kFailed;
  if (!heard) --s_.sink_troubles;
}

void Effect::SinkRefuses() {
  --s_.sink_troubles;
  r_.sending = Sending::kFailed;
  if (world_.bug == Bug::kRefusedEventIsSkipped) s_.settled = r_.send_to;
}

void Effect::Settle(bool works) {
  if (works && s_.lease == 1 + number_) {
    if (r_.sending == Sending::kAccepted) s_.settled = std::max(s_.settled, r_.send_to);
    s_.lease = 0;
  }
  if (!works) --s_.sink_troubles;
  r_.sending = Sending::kNone;
  r_.send_from = r_.send_to = 0;
}

void Effect::See(int row) {
  const EventId event = static_cast<EventId>((s_.outbox >> (4 * row)) & 15u);
  for (int i = 0; i < s_.seen_count; ++i) {
    const EventId earlier = static_cast<EventId>((s_.seen >> (4 * i)) & 15u);
    const bool redelivered = rules_.event(earlier).message_id == rules_.event(event).message_id;
    if (redelivered && world_.bug != Bug::kRandomMessageId) return;
  }
  s_.seen |= static_cast<uint32_t>(event) << (4 * s_.seen_count);
  ++s_.seen_count;
}

}  // namespace authflow::model
