// The real rules over numbered logs: each distinct log, proposal and instant is asked once (Flow::Next is pure, so that
// its answer may be kept), and a state of the model holds numbers instead of logs.
#ifndef AUTHFLOW_TESTS_MODEL_RULES_H_
#define AUTHFLOW_TESTS_MODEL_RULES_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/events/event.h"
#include "server/flow/flow.h"
#include "tests/model/bounds.h"

namespace authflow::model {

using LogId = uint16_t;  // 0: no such flow
using ProposalId = uint8_t;
using EventId = uint8_t;  // from 1, below 16

// How a flow ended, as its last entry says.
enum class End : uint8_t { kNone, kCompleted, kCancelled, kClientLost, kExpired, kFailed };

// What a log says, read from its entries without the product's help.
struct Facts {
  int length = 0;
  End end = End::kNone;
  int ends = 0;
  bool entry_after_end = false;
  int attachment = 0;          // number of the newest *attached*
  int attempt = 1;             // at the browser
  unsigned browser_waits = 0;  // bit per attempt whose browser_wait is there
  unsigned exchanged = 0;      // bit per attempt whose exchange succeeded
  bool exchange_open = false;  // begun, and no result
  int until = 0;               // of the newest exchange
  uint32_t events = 0;         // all that its entries caused: 4 bits each, the first lowest
  int event_count = 0;
  int events_before = 0;  // of the entries before the last
};

// One kind of event, as the real catalogue made it.
struct EventKind {
  bool started = false;
  End end = End::kNone;
  std::string message_id;
  std::string words;
};

struct Decision {
  enum class Kind : uint8_t { kEntry, kAlready, kRefused };
  Kind kind = Kind::kRefused;
  LogId next = 0;  // the log with the entry
  ErrorClass refused = v1::ERROR_CLASS_UNSPECIFIED;
};

class Rules {
 public:
  Rules(const Bounds& bounds, Bug bug);

  // Proposals by number. Attempts count from 1, instants from 0.
  ProposalId Start(int at);
  ProposalId Number(const std::string& words, const Proposal& proposal);
  ProposalId EnterBrowserWait(int lost_attempt);  // whose exchange was missed; 0: none
  ProposalId BeginExchange(int attempt, int until);
  ProposalId LoseClientOf(int attachment, int length);
  ProposalId attach = 0, recognise[3] = {}, refuse[3] = {}, complete = 0, cancel = 0, fail = 0, expire = 0;

  // Flow::Next on the flow that the log says, at that instant.
  Decision Decide(LogId log, ProposalId proposal, int at) {
    const uint32_t key =
        static_cast<uint32_t>(log) << 16 | static_cast<uint32_t>(proposal) << 8 | static_cast<uint32_t>(at);
    const auto found = decisions_.find(key);
    if (found != decisions_.end()) return found->second;
    return decisions_.emplace(key, Ask(log, proposal, at)).first->second;
  }

  // The log with `last`'s own last entry put at its end, whatever its number was.
  LogId Append(LogId log, LogId last);
  const Facts& facts(LogId log) const { return logs_[log].facts; }
  const Flow& flow(LogId log) const { return logs_[log].flow; }
  // When the flow is due, as an instant.
  int DueAt(LogId log) const;
  // The row of open flows that is written with *started*.
  int FirstDue(LogId log) const { return logs_[log].first_due; }
  const EventKind& event(EventId id) const { return events_[id]; }
  int logs() const { return static_cast<int>(logs_.size()); }
  int asked() const { return static_cast<int>(decisions_.size()); }

  std::string EntryWords(LogId log) const;
  const std::string& ProposalWords(ProposalId proposal) const { return proposals_[proposal].words; }

 private:
  struct Log {
    Entry last;
    Flow flow;
    Facts facts;
    int first_due = 0;
  };
  struct Asked {
    std::string words;
    Proposal proposal;
    int start = -1;  // of a flow that starts
  };

  Decision Ask(LogId log, ProposalId proposal, int at);
  LogId Intern(LogId log, const Entry& entry);
  EventId InternEvent(const Event& event);
  Header HeaderAt(int at) const;

  const Bounds bounds_;
  const Bug bug_;
  std::vector<Log> logs_;
  std::map<std::pair<LogId, std::string>, LogId> by_entry_;
  std::vector<Asked> proposals_;
  std::map<std::string, ProposalId> by_words_;
  std::vector<EventKind> events_;
  absl::flat_hash_map<uint32_t, Decision> decisions_;
  std::array<std::array<ProposalId, 16>, 16> lose_;
};

absl::Time TimeAt(int instant);
int InstantOf(absl::Time time);

}  // namespace authflow::model

#endif  // AUTHFLOW_TESTS_MODEL_RULES_H_
