// What must hold in each state, whatever happened before. Told by what clients heard, what the log says and what the
// sink saw; never by the product's own view.
#include "tests/model/world.h"

namespace authflow::model {
namespace {

Broken CheckSink(const Rules& rules, const State& s) {
  int started = 0;
  int ends = 0;
  for (int i = 0; i < s.seen_count; ++i) {
    const EventKind& event = rules.event(static_cast<EventId>((s.seen >> (4 * i)) & 15u));
    if (event.started) ++started;
    if (event.end == End::kNone) continue;
    ++ends;
    if (started == 0) return Broken::kSinkSawAnEndBeforeTheStart;
    if (event.end != rules.facts(s.log).end) return Broken::kSinkSawAnotherEnd;
  }
  if (started > 1) return Broken::kSinkSawAnEventTwice;
  if (ends > 1) return Broken::kSinkSawTwoEnds;
  return Broken::kNothing;
}

// Every row that has left the outbox was taken by the sink.
bool AllSettledSeen(const Rules& rules, const State& s) {
  for (int row = 0; row < s.settled; ++row) {
    const std::string& id = rules.event(static_cast<EventId>((s.outbox >> (4 * row)) & 15u)).message_id;
    bool seen = false;
    for (int i = 0; i < s.seen_count && !seen; ++i) {
      seen = rules.event(static_cast<EventId>((s.seen >> (4 * i)) & 15u)).message_id == id;
    }
    if (!seen) return false;
  }
  return true;
}

}  // namespace

Broken Check(const World& world, const State& s) {
  if (s.broken != Broken::kNothing) return s.broken;
  const Rules& rules = *world.rules;
  const Facts& facts = rules.facts(s.log);
  if (facts.ends > 1) return Broken::kTwoEnds;
  if (facts.entry_after_end) return Broken::kEntryAfterTheEnd;
  if (facts.end == End::kCompleted && (facts.exchanged & 1u << facts.attempt) == 0)
    return Broken::kCompletedWithoutExchange;
  const bool told_is_written = (!s.told_started || facts.length > 0) && (s.told_waits & ~facts.browser_waits) == 0;
  if (!told_is_written) return Broken::kToldWhatIsNotWritten;
  if ((s.told_signed_in & ~facts.exchanged) != 0) return Broken::kTokensWithoutExchanged;
  if (s.told_end != End::kNone && s.told_end != facts.end) return Broken::kToldWhatIsNotWritten;
  if (const Broken broken = CheckSink(rules, s); broken != Broken::kNothing) return broken;
  if (!AllSettledSeen(rules, s)) return Broken::kEventGoneUnseen;
  return Broken::kNothing;
}

Broken CheckAtRest(const World& world, const State& s) {
  const Rules& rules = *world.rules;
  const Facts& facts = rules.facts(s.log);
  if (facts.length == 0) return Broken::kNothing;  // no flow was started
  if (facts.ends != 1) return Broken::kNeverEnded;
  if (world.bounds.deliverers == 0) return Broken::kNothing;
  bool started = false;
  bool ended = false;
  for (int i = 0; i < s.seen_count; ++i) {
    const EventKind& event = rules.event(static_cast<EventId>((s.seen >> (4 * i)) & 15u));
    started |= event.started;
    ended |= event.end == facts.end;
  }
  return started && ended ? Broken::kNothing : Broken::kNeverDelivered;
}

}  // namespace authflow::model
