// How large a world is, and which bug is planted in it.
#ifndef AUTHFLOW_TESTS_MODEL_BOUNDS_H_
#define AUTHFLOW_TESTS_MODEL_BOUNDS_H_

#include <cstdint>

namespace authflow::model {

// How often what may happen does, at most. Time is counted in instants of one unit.
struct Bounds {
  int crashes = 2;              // of replicas, both together
  int answers_lost = 1;         // a client's call breaks: it hears nothing, the replica goes on
  int streams_broken = 1;       // while client and replica live
  int watches = 2;              // WatchFlow calls of the client
  int attempts = 1;             // at the browser, at most 2
  int commit_answers_lost = 0;  // the store committed or not, and has to look
  int sink_troubles = 0;        // the sink's answer, or the settling, is lost
  bool hasty_client = false;    // says "completed" before it has tokens
  bool client_roams = false;    // each call to any replica; otherwise to one until the connection breaks
  bool watch_in_turn = true;    // the client watches before it calls; otherwise at any time beside its calls
  int deliverers = 1;           // replicas that deliver; 0: nobody asks what the sink has at the end
  bool provider_refuses = true;
  bool ctrl_c = true;
  bool client_dies = true;
  // From a flow's start: the wait in the browser and the flow are over; from *exchange_begun*: until. The last instant
  // must see all of them pass.
  int browser_wait = 1;
  int expiry = 1;
  int exchange = 1;
  int end = 1;
};

// Bugs that are planted in the model's world around the real rules.
enum class Bug : uint8_t {
  kNone,
  kAppendWithoutCompareAndSet,           // an entry is added whatever its number
  kLastWriterOverwrites,                 // an entry takes its number's place whoever has it
  kCommitWithoutWriterTag,               // after an unanswered commit, somebody's entry number n is thought one's own
  kAnswerBeforeTheCommit,                // a call is answered when the rules have said yes
  kTokensBeforeTheCommit,                // tokens are handed out before *exchanged* is written
  kEventsOutsideTheTransaction,          // events are written by whoever answers the call
  kClientLostWithoutTheAttachmentCheck,  // the grace ticker proposes what the log says now, not what the break said
  kClientLostWithoutTheLengthCheck,      // the same, of the length alone
  kExpiryDuringAnExchange,               // the overdue ticker does not know of exchanges
  kNobodyClosesOverdueFlows,
  kCodePostedAgain,        // an exchange that was begun before a restart is taken up again
  kExchangeMissedTooLate,  // RecordStep looks again for the exchange when it lost a race
  kStaleCacheAnswers,      // "no" and "already so" are said from the cache
  kRandomMessageId,        // a redelivered event has another id
  kSettleBeforeTheSinkAnswers,
  kRefusedEventIsSkipped,  // after a 503 the lane goes on with what follows
};

}  // namespace authflow::model

#endif  // AUTHFLOW_TESTS_MODEL_BOUNDS_H_
