// What one action does to a copy of the state. Where a comment names a file of the server, the method follows it.
#ifndef AUTHFLOW_TESTS_MODEL_EFFECT_H_
#define AUTHFLOW_TESTS_MODEL_EFFECT_H_

#include "tests/model/world.h"

namespace authflow::model {

// Of an action in which replica number `replica` has a part (0 if none has).
class Effect {
 public:
  Effect(const World& world, State& state, int replica)
      : world_(world),
        rules_(*world.rules),
        replicas_(state.replicas),
        s_(state),
        r_(state.replicas[replica]),
        number_(replica) {}

  // The client.
  void ClientDies();
  void CtrlC();
  void LoseAnswer();
  void BreakStream();

  // Its calls arrive.
  void StartFlow();
  void RecordStep();
  void FinishFlow(ProposalId outcome);
  void WatchFlow();
  void ExchangeCode();

  // The store, for run number `which` of the replica.
  void Commit(uint8_t which);
  void CommitUnanswered(uint8_t which, bool written);
  void Reread(uint8_t which);

  // The replica.
  void Answer();
  void Attached();
  void WatchTells();
  void NoticeBreak();
  void GraceIsOver();
  void LookForOverdue();
  void PostTheCode();
  void ProviderAnswers(bool ok);
  void Crash();

  // Delivery.
  void Claim();
  void SinkAccepts(bool heard);
  void SinkRefuses();
  void Settle(bool works);

 private:
  int Length(LogId log) const { return rules_.facts(log).length; }
  LogId Longer(LogId a, LogId b) const { return Length(b) > Length(a) ? b : a; }
  LogId NextOf(const Run& run) const { return rules_.Decide(run.view, run.proposal, run.at).next; }
  void Break(Broken broken) {
    if (s_.broken == Broken::kNothing) s_.broken = broken;
  }

  // The replica's cache, its watch, and the store behind them.
  void Put(LogId log) { r_.cache = Longer(r_.cache, log); }
  void Publish(LogId log) {
    if (r_.attachment != 0) r_.latest = Longer(r_.latest, log);
  }
  LogId Load() {
    Put(s_.log);
    return s_.log;
  }

  // The loop of server/flow/record.cc, up to the append; what comes of the append.
  void Record(uint8_t which, ProposalId proposal, bool fresh = false);
  void Wrote(uint8_t which);
  void Lost(uint8_t which);
  void AfterExchange();
  void AfterLose();
  void AfterClose();
  void CheckEnd(LogId log, uint8_t which);
  int LostAttempt(LogId known) const;
  void AnswerCall(Reply reply);
  void EndCall();

  bool Append(LogId view, LogId next);
  void AddEvents(LogId log);
  void See(int row);

  // What the client hears, and whether it is true.
  void Tell(Call kind, Reply reply, LogId view);
  void TellEnd(LogId view);

  static void Abandon(Replica& replica);
  // The client has a connection to this replica from now on; and to none any more.
  void Pin() {
    if (!world_.bounds.client_roams) s_.home = static_cast<uint8_t>(number_);
  }
  void Unpin() { s_.home = kAnywhere; }

  const World& world_;
  Rules& rules_;
  Replica (&replicas_)[2];
  Shared& s_;
  Replica& r_;
  const int number_;
};

inline unsigned Bit(int attempt) { return 1u << attempt; }

}  // namespace authflow::model

#endif  // AUTHFLOW_TESTS_MODEL_EFFECT_H_
