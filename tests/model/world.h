// One state of the model: a client, two replicas, the store with its outbox, the provider's and the sink's memories,
// and the time. Bytes only: two states are the same when their bytes are.
#ifndef AUTHFLOW_TESTS_MODEL_WORLD_H_
#define AUTHFLOW_TESTS_MODEL_WORLD_H_

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "tests/model/bounds.h"
#include "tests/model/rules.h"

namespace authflow::model {

// Where a Record loop (server/flow/record.cc) stands.
enum class Stage : uint8_t {
  kIdle,
  kAppend,          // the rules said yes; the append is on its way to the store
  kUnknownWritten,  // the store's commit was not answered: it was written,
  kUnknownAbsent,   // or not
  kWrote,           // the store says: written
  kAnswered,        // nothing to write: already so, or refused
  kJoined,          // waits for the exchange of its replica
};

inline constexpr uint8_t kAnywhere = 2;

struct Run {
  LogId view;  // kAppend: the log that the entry continues; kWrote: the log with it; kAnswered: the log as read
  ProposalId proposal;
  Stage stage : 4;
  uint8_t at : 4;  // when the rules were asked
};

enum class Call : uint8_t { kNone, kStart, kStep, kExchange, kFinish };

// What a call without an entry is answered with.
enum class Reply : uint8_t { kNone, kFlow, kTokens, kRefused, kNotExchanged, kOver };

// The work of one exchange, which goes on without its caller.
enum class Exchange : uint8_t { kNone, kRedeeming, kPosted, kRecording, kTokens, kRefused, kUnrecorded };

enum class Sending : uint8_t { kNone, kAsked, kAccepted, kFailed };

// A replica's memory: all of it is gone after a crash.
struct Replica {
  Run call;   // the client's unary call
  Run watch;  // its WatchFlow call, until it is attached
  Run exchange;
  Run lose;      // the grace ticker's proposal
  Run close;     // the overdue ticker's
  LogId cache;   // 0: nothing
  LogId latest;  // what the open watch was told last
  Call kind;
  Reply reply;
  bool client_waits;
  bool watch_waits;         // the client holds the other end of the call `watch`
  uint8_t attachment;       // of the open watch; 0: none
  bool attached_waits;      // the client holds its other end
  uint8_t gone_attachment;  // the departure that waits for its grace; 0: none
  uint8_t gone_length;
  Exchange exchange_stage;
  uint8_t exchange_attempt;
  Sending sending;
  uint8_t send_from;  // the batch: rows of the outbox
  uint8_t send_to;
  uint8_t spare[3];
};

// A replica's runs, by number.
inline constexpr Run Replica::*kRuns[] = {&Replica::call, &Replica::watch, &Replica::exchange, &Replica::lose,
                                          &Replica::close};
inline constexpr uint8_t kCall = 0, kWatch = 1, kExchange = 2, kLose = 3, kClose = 4;

// What the client does next.
enum class Position : uint8_t { kStart, kStep, kExchange, kComplete, kTrouble, kFail, kCancel, kGone };

// The first thing that went wrong in a step. States break promises; some promises only a step can break.
enum class Broken : uint8_t {
  kNothing,
  kTwoEnds,
  kEntryAfterTheEnd,
  kCompletedWithoutExchange,
  kToldWhatIsNotWritten,
  kToldOtherwiseBefore,
  kCodePostedTwice,
  kLostWhileAttached,
  kLostDespiteASignOfLife,
  kEndedDuringAnExchange,
  kTokensWithoutExchanged,
  kSinkSawAnEventTwice,
  kSinkSawTwoEnds,
  kSinkSawAnotherEnd,
  kSinkSawAnEndBeforeTheStart,
  kEventGoneUnseen,
  kNeverEnded,
  kNeverDelivered,
};

// Everything but the replicas.
struct Shared {
  LogId log;
  uint8_t clock;
  uint8_t due;  // of the row of open flows
  Position position;
  uint8_t attempt;  // whose redirect the client has
  bool told_started;
  uint8_t told_waits;      // bit per attempt whose browser_wait was acknowledged
  uint8_t told_signed_in;  // bit per attempt whose tokens it got
  End told_end;
  uint8_t posted;  // bit per attempt whose code the provider has seen
  Broken broken;
  uint8_t lease;    // 1 + the replica that holds the lane; 0: none
  uint8_t rows;     // of the outbox, ever written
  uint8_t settled;  // of them delivered, as the outbox knows
  uint8_t seen_count;
  uint32_t outbox;  // events by row, 4 bits each
  uint32_t seen;    // what the sink took as new, in its order
  uint8_t crashes;  // how often each may still happen
  uint8_t answers_lost;
  uint8_t streams_broken;
  uint8_t watches;
  uint8_t commit_answers_lost;
  uint8_t sink_troubles;
  uint8_t home;  // the replica that the client is connected to
  uint8_t spare[1];
};

struct State : Shared {
  Replica replicas[2];
};
static_assert(sizeof(Run) == 4 && sizeof(Replica) == 40 && sizeof(Shared) == 32);
static_assert(std::is_trivially_copyable_v<State>);

enum class Kind : uint8_t {
  kTick,
  kCrash,
  kClientDies,
  kCtrlC,
  kGivesUp,
  kStartFlow,
  kRecordStep,
  kExchangeCode,
  kFinishFlow,
  kWatchFlow,
  kAnswerLost,
  kStreamBreaks,
  kCommit,
  kCommitUnanswered,
  kRereads,
  kAnswer,
  kAttached,
  kNoticesTheBreak,
  kWatchTells,
  kGraceIsOver,
  kLooksForOverdue,
  kPostsTheCode,
  kProviderAnswers,
  kProviderRefuses,
  kClaims,
  kSinkAccepts,
  kSinkAcceptsUnheard,
  kSinkRefuses,
  kSettles,
  kSettleFails,
  kLeaseEnds,
  kCount,
};

struct Action {
  Kind kind;
  uint8_t replica;
  uint8_t what;  // which of the replica's runs, or which variant
};

struct World {
  Bounds bounds;
  Bug bug;
  Rules* rules;
};

struct Step {
  Action action;
  State after;
};

State Initial(const World& world);
// All that may happen next: appended to `steps`.
void Next(const World& world, const State& state, std::vector<Step>& steps);

// What the state breaks.
Broken Check(const World& world, const State& state);
// The same of a state in which nothing can happen any more.
Broken CheckAtRest(const World& world, const State& state);

const char* Words(Kind kind);
const char* Words(Broken broken);
// The step in words: one line.
std::string Words(const World& world, const State& before, const Step& step);

}  // namespace authflow::model

#endif  // AUTHFLOW_TESTS_MODEL_WORLD_H_
