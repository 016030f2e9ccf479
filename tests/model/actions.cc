// What may happen in a state.
#include <algorithm>
#include <cstring>
#include <iterator>

#include "tests/model/effect.h"

namespace authflow::model {
namespace {

bool NobodyWaits(const State& s) { return !s.replicas[0].client_waits && !s.replicas[1].client_waits; }

bool NoStream(const State& s) {
  return std::none_of(std::begin(s.replicas), std::end(s.replicas),
                      [](const Replica& r) { return r.watch_waits || r.attached_waits; });
}

// Collects what is enabled.
struct Enabled {
  const World& world;
  const State& s;
  std::vector<Step>& steps;

  template <typename Do>
  void Can(Kind kind, int replica, int what, Do effect) {
    steps.push_back({.action = {kind, static_cast<uint8_t>(replica), static_cast<uint8_t>(what)}, .after = s});
    effect(Effect(world, steps.back().after, replica));
  }

  void Client() {
    if (s.position == Position::kGone) return;
    const Rules& rules = *world.rules;
    if (world.bounds.client_dies) Can(Kind::kClientDies, 0, 0, [](Effect e) { e.ClientDies(); });
    if (world.bounds.ctrl_c && s.told_started && s.position != Position::kCancel) {
      Can(Kind::kCtrlC, 0, 0, [](Effect e) { e.CtrlC(); });
    }
    const bool idle = NobodyWaits(s);
    const bool to_watch = s.told_started && s.watches > 0 && NoStream(s);
    if (s.position == Position::kStart && s.clock > 0 && idle) {
      Can(Kind::kGivesUp, 0, 0, [](Effect e) { e.ClientDies(); });
    }
    for (int r = 0; r < 2; ++r) {
      const Replica& replica = s.replicas[r];
      const bool reached = s.home == kAnywhere || s.home == r;
      if (to_watch && reached && (idle || !world.bounds.watch_in_turn) && replica.watch.stage == Stage::kIdle) {
        Can(Kind::kWatchFlow, r, 0, [](Effect e) { e.WatchFlow(); });
      }
      if (s.answers_lost > 0 && replica.client_waits) Can(Kind::kAnswerLost, r, 0, [](Effect e) { e.LoseAnswer(); });
      if (s.streams_broken > 0 && (replica.watch_waits || replica.attached_waits)) {
        Can(Kind::kStreamBreaks, r, 0, [](Effect e) { e.BreakStream(); });
      }
      if (to_watch && world.bounds.watch_in_turn) continue;
      if (!idle || !reached || replica.call.stage != Stage::kIdle) continue;
      switch (s.position) {
        case Position::kStart:
          if (s.clock == 0) Can(Kind::kStartFlow, r, 0, [](Effect e) { e.StartFlow(); });
          break;
        case Position::kTrouble:
          Can(Kind::kFinishFlow, r, 1, [&](Effect e) { e.FinishFlow(rules.fail); });
          if (s.attempt < world.bounds.attempts) Can(Kind::kRecordStep, r, 0, [](Effect e) { e.RecordStep(); });
          break;
        case Position::kStep:
          if (world.bounds.hasty_client) Can(Kind::kFinishFlow, r, 0, [&](Effect e) { e.FinishFlow(rules.complete); });
          Can(Kind::kRecordStep, r, 0, [](Effect e) { e.RecordStep(); });
          break;
        case Position::kExchange:
          if (world.bounds.hasty_client) Can(Kind::kFinishFlow, r, 0, [&](Effect e) { e.FinishFlow(rules.complete); });
          // An earlier attempt's exchange that still runs here comes to its end before a new one begins.
          if (replica.exchange_stage == Exchange::kNone || replica.exchange_stage >= Exchange::kTokens ||
              replica.exchange_attempt == s.attempt) {
            Can(Kind::kExchangeCode, r, 0, [](Effect e) { e.ExchangeCode(); });
          }
          break;
        case Position::kComplete:
          Can(Kind::kFinishFlow, r, 0, [&](Effect e) { e.FinishFlow(rules.complete); });
          break;
        case Position::kFail:
          Can(Kind::kFinishFlow, r, 1, [&](Effect e) { e.FinishFlow(rules.fail); });
          break;
        case Position::kCancel:
          Can(Kind::kFinishFlow, r, 2, [&](Effect e) { e.FinishFlow(rules.cancel); });
          break;
        case Position::kGone:
          break;
      }
    }
  }

  void Store(int r) {
    for (uint8_t which = 0; which < std::size(kRuns); ++which) {
      const Run& run = s.replicas[r].*kRuns[which];
      if (run.stage == Stage::kAppend) {
        Can(Kind::kCommit, r, which, [&](Effect e) { e.Commit(which); });
        if (s.commit_answers_lost > 0) {
          const bool in_time = world.rules->facts(run.view).length == world.rules->facts(s.log).length;
          if (in_time) Can(Kind::kCommitUnanswered, r, which, [&](Effect e) { e.CommitUnanswered(which, true); });
          Can(Kind::kCommitUnanswered, r, which + 8, [&](Effect e) { e.CommitUnanswered(which, false); });
        }
      } else if (run.stage == Stage::kUnknownWritten || run.stage == Stage::kUnknownAbsent) {
        Can(Kind::kRereads, r, which, [&](Effect e) { e.Reread(which); });
      }
    }
  }

  void Answers(int r) {
    const Replica& replica = s.replicas[r];
    const Stage call = replica.call.stage;
    const bool exchange_done =
        replica.exchange_stage >= Exchange::kTokens ||
        (world.bug == Bug::kTokensBeforeTheCommit && replica.exchange_stage == Exchange::kRecording &&
         replica.exchange.proposal == world.rules->recognise[replica.exchange_attempt]);
    const bool too_early = call == Stage::kAppend && world.bug == Bug::kAnswerBeforeTheCommit && replica.client_waits;
    if (call == Stage::kWrote || call == Stage::kAnswered || (call == Stage::kJoined && exchange_done) || too_early) {
      Can(Kind::kAnswer, r, 0, [](Effect e) { e.Answer(); });
    }
    if (replica.watch.stage == Stage::kWrote || replica.watch.stage == Stage::kAnswered) {
      Can(Kind::kAttached, r, 0, [](Effect e) { e.Attached(); });
    }
    if (replica.attachment == 0) return;
    if (!replica.attached_waits && replica.lose.stage == Stage::kIdle) {
      Can(Kind::kNoticesTheBreak, r, 0, [](Effect e) { e.NoticeBreak(); });
    }
    if (replica.attached_waits && world.rules->facts(replica.latest).end != End::kNone) {
      Can(Kind::kWatchTells, r, 0, [](Effect e) { e.WatchTells(); });
    }
  }

  void Tickers(int r) {
    const Replica& replica = s.replicas[r];
    if (replica.gone_attachment != 0 && replica.lose.stage == Stage::kIdle) {
      Can(Kind::kGraceIsOver, r, 0, [](Effect e) { e.GraceIsOver(); });
    }
    const Facts& facts = world.rules->facts(s.log);
    const bool overdue = facts.length > 0 && facts.end == End::kNone && s.due <= s.clock;
    if (overdue && replica.close.stage == Stage::kIdle && world.bug != Bug::kNobodyClosesOverdueFlows) {
      Can(Kind::kLooksForOverdue, r, 0, [](Effect e) { e.LookForOverdue(); });
    }
  }

  void Provider(int r) {
    const Replica& replica = s.replicas[r];
    if (replica.exchange_stage == Exchange::kRedeeming && replica.exchange.stage == Stage::kWrote) {
      Can(Kind::kPostsTheCode, r, 0, [](Effect e) { e.PostTheCode(); });
    }
    if (replica.exchange_stage == Exchange::kPosted) {
      Can(Kind::kProviderAnswers, r, 0, [](Effect e) { e.ProviderAnswers(true); });
      if (world.bounds.provider_refuses) Can(Kind::kProviderRefuses, r, 0, [](Effect e) { e.ProviderAnswers(false); });
    }
  }

  void Delivery(int r) {
    const Replica& replica = s.replicas[r];
    if (r >= world.bounds.deliverers) return;
    if (s.lease == 0 && s.rows > s.settled && replica.sending == Sending::kNone) {
      Can(Kind::kClaims, r, 0, [](Effect e) { e.Claim(); });
    }
    if (replica.sending == Sending::kAsked) {
      Can(Kind::kSinkAccepts, r, 0, [](Effect e) { e.SinkAccepts(true); });
      if (s.sink_troubles > 0) {
        Can(Kind::kSinkAcceptsUnheard, r, 0, [](Effect e) { e.SinkAccepts(false); });
        Can(Kind::kSinkRefuses, r, 0, [](Effect e) { e.SinkRefuses(); });
      }
    } else if (replica.sending != Sending::kNone) {
      Can(Kind::kSettles, r, 0, [](Effect e) { e.Settle(true); });
      if (s.sink_troubles > 0) Can(Kind::kSettleFails, r, 0, [](Effect e) { e.Settle(false); });
    }
  }

  void Time() {
    if (s.clock < world.bounds.end) {
      Can(Kind::kTick, 0, 0, [](Effect) {});
      ++steps.back().after.clock;
    }
    // A lease outlives the request that it was taken for (lease_margin), so that only a holder that is gone loses it.
    if (s.lease != 0 && s.replicas[s.lease - 1].sending == Sending::kNone) {
      Can(Kind::kLeaseEnds, s.lease - 1, 0, [](Effect) {});
      steps.back().after.lease = 0;
    }
  }
};

}  // namespace

State Initial(const World& world) {
  State state;
  std::memset(static_cast<void*>(&state), 0, sizeof(state));
  const auto count = [](int times) { return static_cast<uint8_t>(times); };
  state.attempt = 1;
  state.home = world.bounds.client_roams ? kAnywhere : 0;
  state.crashes = count(world.bounds.crashes);
  state.answers_lost = count(world.bounds.answers_lost);
  state.streams_broken = count(world.bounds.streams_broken);
  state.watches = count(world.bounds.watches);
  state.commit_answers_lost = count(world.bounds.commit_answers_lost);
  state.sink_troubles = count(world.bounds.sink_troubles);
  return state;
}

void Next(const World& world, const State& state, std::vector<Step>& steps) {
  Enabled enabled{world, state, steps};
  enabled.Time();
  enabled.Client();
  for (int r = 0; r < 2; ++r) {
    enabled.Store(r);
    enabled.Answers(r);
    enabled.Tickers(r);
    enabled.Provider(r);
    enabled.Delivery(r);
    const Replica& replica = state.replicas[r];
    static constexpr Replica kNothing = {};
    const bool has_memory = std::memcmp(&replica, &kNothing, sizeof(Replica)) != 0;
    if (state.crashes > 0 && has_memory) enabled.Can(Kind::kCrash, r, 0, [](Effect e) { e.Crash(); });
  }
}

}  // namespace authflow::model
