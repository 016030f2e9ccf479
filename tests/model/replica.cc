// A replica: its use cases, tickers and exchanges, as in server/flow.
#include "tests/model/effect.h"

namespace authflow::model {
namespace {

Run MakeRun(LogId view, ProposalId proposal, Stage stage, int at) {
  Run run = {};
  run.view = view;
  run.proposal = proposal;
  run.stage = stage;
  run.at = static_cast<uint8_t>(at & 15);
  return run;
}

}  // namespace

void Effect::StartFlow() {
  Pin();
  r_.kind = Call::kStart;
  r_.reply = Reply::kFlow;
  r_.client_waits = true;
  // server/flow/start_flow.cc appends without looking first.
  r_.call = MakeRun(0, rules_.Start(s_.clock), Stage::kAppend, s_.clock);
}

void Effect::RecordStep() {
  Pin();
  r_.kind = Call::kStep;
  r_.client_waits = true;
  LogId known = r_.cache != 0 ? r_.cache : Load();
  if (rules_.flow(known).step != v1::STEP_UNSPECIFIED) known = Load();
  Record(kCall, rules_.EnterBrowserWait(LostAttempt(known)));
}

void Effect::FinishFlow(ProposalId outcome) {
  Pin();
  r_.kind = Call::kFinish;
  r_.client_waits = true;
  Record(kCall, outcome);
}

void Effect::WatchFlow() {
  Pin();
  --s_.watches;
  r_.watch_waits = true;
  Record(kWatch, rules_.attach);
}

void Effect::ExchangeCode() {
  Pin();
  r_.kind = Call::kExchange;
  r_.client_waits = true;
  const LogId flow = Load();
  if (rules_.flow(flow).attempt != s_.attempt) return AnswerCall(Reply::kRefused);  // STATE_MISMATCH
  r_.call = MakeRun(0, 0, Stage::kJoined, 0);
  if (r_.exchange_stage != Exchange::kNone && r_.exchange_attempt == s_.attempt) return;
  r_.exchange_attempt = s_.attempt;
  r_.exchange_stage = Exchange::kRedeeming;
  Record(kExchange, rules_.BeginExchange(s_.attempt, s_.clock + world_.bounds.exchange));
  AfterExchange();
}

void Effect::Answer() {
  const bool waits = r_.client_waits;
  const Call kind = r_.kind;
  Reply reply = r_.reply;
  LogId view = r_.call.view;
  if (r_.call.stage == Stage::kJoined) {
    reply = r_.exchange_stage == Exchange::kTokens || r_.exchange_stage == Exchange::kRecording ? Reply::kTokens
            : r_.exchange_stage == Exchange::kRefused                                           ? Reply::kRefused
                                                                                                : Reply::kOver;
  } else if (r_.call.stage == Stage::kAppend) {
    // A planted bug: the caller hears of what is not committed; the append goes on.
    view = NextOf(r_.call);
    if (waits) Tell(kind, Reply::kFlow, view);
    r_.client_waits = false;
    return;
  } else if (r_.call.stage == Stage::kWrote) {
    Put(view);
    Publish(view);
    if (world_.bug == Bug::kEventsOutsideTheTransaction) AddEvents(view);
  }
  EndCall();
  if (waits) Tell(kind, reply, view);
}

// A client that waited for nothing has nobody to be told.
void Effect::Attached() {
  const LogId view = r_.watch.view;
  const bool waits = r_.watch_waits;
  const bool wrote = r_.watch.stage == Stage::kWrote;
  r_.watch = {};
  r_.watch_waits = false;
  if (!wrote) {
    if (waits) TellEnd(view);
    return;
  }
  Put(view);
  // An older watch here is replaced, and nobody is thought gone with it.
  r_.attachment = static_cast<uint8_t>(Length(view));
  r_.attached_waits = waits;
  r_.latest = Longer(view, r_.cache);
}

void Effect::WatchTells() {
  const LogId latest = r_.latest;
  r_.attachment = 0;
  r_.attached_waits = false;
  r_.latest = 0;
  TellEnd(latest);
}

void Effect::NoticeBreak() {
  if (rules_.facts(r_.latest).end == End::kNone) {
    r_.gone_attachment = r_.attachment;
    r_.gone_length = static_cast<uint8_t>(Length(r_.latest));
  }
  r_.attachment = 0;
  r_.latest = 0;
}

void Effect::GraceIsOver() {
  Record(kLose, rules_.LoseClientOf(r_.gone_attachment, r_.gone_length));
  AfterLose();
}

void Effect::LookForOverdue() {
  Record(kClose, rules_.expire);
  AfterClose();
}

void Effect::PostTheCode() {
  Put(r_.exchange.view);
  Publish(r_.exchange.view);
  r_.exchange = {};
  r_.exchange_stage = Exchange::kPosted;
  if ((s_.posted & Bit(r_.exchange_attempt)) != 0) Break(Broken::kCodePostedTwice);
  s_.posted = static_cast<uint8_t>(s_.posted | Bit(r_.exchange_attempt));
}

void Effect::ProviderAnswers(bool ok) {
  r_.exchange_stage = Exchange::kRecording;
  Record(kExchange, ok ? rules_.recognise[r_.exchange_attempt] : rules_.refuse[r_.exchange_attempt]);
  AfterExchange();
}

void Effect::Crash() {
  --s_.crashes;
  r_ = Replica{};
  if (s_.home == number_) Unpin();
}

// server/flow/record.cc: a proposal comes from the cache, an answer without a write does not, unless it is final.
void Effect::Record(uint8_t which, ProposalId proposal, bool fresh) {
  Run& run = r_.*kRuns[which];
  LogId view = r_.cache;
  if (fresh || view == 0) {
    view = Load();
    fresh = true;
  }
  Decision decision = rules_.Decide(view, proposal, s_.clock);
  const bool may_answer = fresh || rules_.flow(view).outcome || world_.bug == Bug::kStaleCacheAnswers;
  if (decision.kind != Decision::Kind::kEntry && !may_answer) {
    view = Load();
    decision = rules_.Decide(view, proposal, s_.clock);
  }
  const bool accepted = decision.kind == Decision::Kind::kEntry;
  run = MakeRun(view, proposal, accepted ? Stage::kAppend : Stage::kAnswered, accepted ? s_.clock : 0);
  if (which == kCall) {
    r_.reply = accepted || decision.kind == Decision::Kind::kAlready    ? Reply::kFlow
               : decision.refused == v1::ERROR_CLASS_NOT_EXCHANGED      ? Reply::kNotExchanged
               : decision.refused == v1::ERROR_CLASS_ATTEMPTS_EXHAUSTED ? Reply::kRefused
                                                                        : Reply::kOver;
  }
}

// Somebody else wrote entry number n: look, ask the rules again.
void Effect::Lost(uint8_t which) {
  Run& run = r_.*kRuns[which];
  if (which == kCall && r_.kind == Call::kStart) {
    // There is such a flow: the same answer, if it has not ended meanwhile.
    run = MakeRun(Load(), 0, Stage::kAnswered, 0);
    r_.reply = rules_.facts(s_.log).end == End::kNone ? Reply::kFlow : Reply::kOver;
    return;
  }
  const bool looks_again = which == kCall && r_.kind == Call::kStep && world_.bug == Bug::kExchangeMissedTooLate;
  const ProposalId proposal = looks_again ? rules_.EnterBrowserWait(LostAttempt(Load())) : run.proposal;
  Record(which, proposal, /*fresh=*/true);
  if (which == kExchange) AfterExchange();
  if (which == kLose) AfterLose();
  if (which == kClose) AfterClose();
  if (which == kCall && !r_.client_waits && run.stage == Stage::kAnswered) EndCall();
}

// What happens at once when the store has said yes. Where a crash between makes a difference, the answer is a step of
// its own.
void Effect::Wrote(uint8_t which) {
  Run& run = r_.*kRuns[which];
  if (which == kLose || which == kClose) {
    CheckEnd(run.view, which);
    Put(run.view);
    Publish(run.view);
    run = {};
    if (which == kLose) r_.gone_attachment = r_.gone_length = 0;
  } else if (which == kExchange && r_.exchange_stage == Exchange::kRecording) {
    Put(run.view);
    Publish(run.view);
    r_.exchange_stage = run.proposal == rules_.recognise[r_.exchange_attempt] ? Exchange::kTokens : Exchange::kRefused;
    run = {};
  }
}

// No entry came of the exchange's proposal.
void Effect::AfterExchange() {
  if (r_.exchange.stage != Stage::kAnswered) return;
  const Decision decision = rules_.Decide(r_.exchange.view, r_.exchange.proposal, s_.clock);
  const bool already = decision.kind == Decision::Kind::kAlready;
  const bool recognised = r_.exchange.proposal == rules_.recognise[r_.exchange_attempt];
  if (r_.exchange_stage == Exchange::kRecording) {
    r_.exchange = {};
    r_.exchange_stage = !recognised ? Exchange::kRefused : already ? Exchange::kTokens : Exchange::kUnrecorded;
    return;
  }
  if (already && world_.bug == Bug::kCodePostedAgain) {
    r_.exchange.stage = Stage::kWrote;
    return;
  }
  r_.exchange = {};
  r_.exchange_stage = Exchange::kNone;
  r_.exchange_attempt = 0;
  // ANSWER_GONE or CODE_USED: there may be another attempt.
  const bool over =
      !already && decision.refused != v1::ERROR_CLASS_CODE_USED && decision.refused != v1::ERROR_CLASS_STATE_MISMATCH;
  if (r_.call.stage == Stage::kJoined) AnswerCall(over ? Reply::kOver : Reply::kRefused);
}

// server/flow/lose_clients.cc: no entry came; is the client still away?
void Effect::AfterLose() {
  if (r_.lose.stage != Stage::kAnswered) return;
  const Facts& facts = rules_.facts(Load());
  const bool away = facts.end == End::kNone && facts.attachment == r_.gone_attachment;
  r_.lose = {};
  if (!away) r_.gone_attachment = 0;
  r_.gone_length = static_cast<uint8_t>(away ? facts.length : 0);
}

void Effect::AfterClose() {
  if (r_.close.stage != Stage::kAnswered) return;
  if (rules_.facts(Load()).end == End::kNone) s_.due = static_cast<uint8_t>(rules_.DueAt(s_.log));
  r_.close = {};
}

// The clock's end of a flow has just been written.
void Effect::CheckEnd(LogId log, uint8_t which) {
  const Run& run = r_.*kRuns[which];
  const Facts& facts = rules_.facts(log);
  if (facts.end != End::kClientLost && facts.end != End::kExpired && facts.end != End::kFailed) return;
  if (facts.exchange_open && run.at < facts.until) Break(Broken::kEndedDuringAnExchange);
  if (which != kLose) return;
  for (const Replica& replica : replicas_) {
    const bool attached = replica.attached_waits && replica.attachment == facts.attachment;
    const bool wrote = replica.watch.stage == Stage::kWrote && Length(replica.watch.view) == facts.attachment;
    const bool unanswered =
        replica.watch.stage == Stage::kUnknownWritten && Length(replica.watch.view) + 1 == facts.attachment;
    if (attached || (replica.watch_waits && (wrote || unanswered))) Break(Broken::kLostWhileAttached);
  }
  if (facts.length != r_.gone_length + 1) Break(Broken::kLostDespiteASignOfLife);
}

// server/flow/steps.cc: whose exchange the log speaks of, unless it runs here, or its tokens are still kept.
int Effect::LostAttempt(LogId known) const {
  const Flow& flow = rules_.flow(known);
  if (!flow.exchange) return 0;
  const bool running = r_.exchange_stage == Exchange::kRedeeming || r_.exchange_stage == Exchange::kPosted ||
                       r_.exchange_stage == Exchange::kRecording;
  const bool known_here = flow.exchanged() ? r_.exchange_stage != Exchange::kNone : running;
  return known_here && r_.exchange_attempt == flow.exchange->attempt ? 0 : flow.exchange->attempt;
}

void Effect::AnswerCall(Reply reply) {
  r_.call = MakeRun(0, 0, Stage::kAnswered, 0);
  r_.reply = reply;
}

void Effect::EndCall() {
  r_.call = {};
  r_.kind = Call::kNone;
  r_.reply = Reply::kNone;
  r_.client_waits = false;
}

}  // namespace authflow::model
