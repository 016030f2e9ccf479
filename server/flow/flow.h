// THE RULES: a flow is a fixed header and a growing log; one pure function says what may come next.
//
// Values only: no clock, no I/O, no gRPC.
#ifndef AUTHFLOW_SERVER_FLOW_FLOW_H_
#define AUTHFLOW_SERVER_FLOW_FLOW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authflow/v1/flow.pb.h"
#include "server/base/error_class.h"
#include "server/base/uuid.h"

namespace authflow {

inline constexpr int kMaxAttempts = 3;
inline constexpr absl::Duration kStartRepeatable = absl::Minutes(2);

// What is fixed when a flow starts.
struct Header {
  FlowId id;
  std::string product;
  v1::FlowKind kind = v1::FLOW_KIND_UNSPECIFIED;
  InvocationId invocation;
  std::string claimed_user_id;  // of the stored login at the start; empty for an opted-out flow
  std::string redirect_uri;     // as sent to the provider
  bool no_browser = false;
  bool tracked = true;    // false: the person opted out
  uint32_t key_name = 0;  // of the server's key that the attempts' secrets derive from
  absl::Time start;
  absl::Time expire;
  absl::Duration browser_wait;  // at most this long in one attempt's browser

  // A re-authentication works like a login and emits no funnel event.
  bool emits_events() const { return tracked && kind != v1::FLOW_KIND_REAUTHENTICATION; }
};

struct Completed {
  bool operator==(const Completed&) const = default;
};
struct Aborted {
  v1::AbortReason reason = v1::ABORT_REASON_UNSPECIFIED;
  bool operator==(const Aborted&) const = default;
};
struct Failed {
  ErrorClass error_class = v1::ERROR_CLASS_UNSPECIFIED;
  bool operator==(const Failed&) const = default;
};
using Outcome = std::variant<Completed, Aborted, Failed>;

// What an entry says.
struct Started {
  Header header;
};
// A watch began. The entry's number is the attachment.
struct Attached {};
struct Entered {
  v1::Step step = v1::STEP_UNSPECIFIED;
  int attempt = 1;  // which attempt at the browser this belongs to
};
// The single use of a code, before it is posted.
struct ExchangeBegun {
  int attempt = 1;
  std::string code;  // fingerprint
  absl::Time until;  // no answer is expected after
};
// The provider said who it is.
struct Exchanged {
  std::string user_id;  // empty when the flow is not tracked
  std::string owner;    // digest of product and user id: who owns what this flow lists and creates
};
// A call of this flow failed for good.
struct CallFailed {
  ErrorClass error_class = v1::ERROR_CLASS_UNSPECIFIED;
  bool way_left = false;  // the step has another way, which is as open as before
};
// A call went well after one had failed.
struct CallOk {};
struct Ended {
  Outcome outcome;
};
using What = std::variant<Started, Attached, Entered, ExchangeBegun, Exchanged, CallFailed, CallOk, Ended>;

struct Entry {
  int64_t number = 0;  // from 1
  absl::Time time;     // never before that of the entry before
  What what;
};

// What somebody wants to happen.
struct Attach {};
struct Enter {
  v1::Step step = v1::STEP_UNSPECIFIED;
  bool by_server = false;  // apps_fetch is the server's to enter
  // Fingerprint of the code whose exchange the log spoke of when this replica looked, and neither ran nor kept the
  // tokens of: they are lost. Empty: none. An exchange that was begun after the look is another.
  std::string lost_code = "";
};
struct Redeem {
  int attempt = 1;
  std::string code;  // fingerprint
  absl::Time until;
};
struct Recognise {
  std::string user_id;
  std::string owner;
  int attempt = 1;  // whose exchange was answered
};
struct Fail {  // an exchange or another call of this flow was refused
  ErrorClass error_class = v1::ERROR_CLASS_UNSPECIFIED;
  int attempt = 0;           // at the browser, whose redirect or exchange it was; 0: another call
  bool in_exchange = false;  // it was the exchange, which is over with it
  bool way_left = false;     // it was one of two ways through the step, and the other is open
};
struct Succeed {};  // a call of this flow went well
struct Finish {
  Outcome outcome;
};
struct Expire {};  // somebody looked at the clock
// The stream of attachment `attachment` broke when the log had `length` entries, and the grace period passed.
struct LoseClient {
  int64_t attachment = 0;
  int64_t length = 0;
};
using Proposal = std::variant<Attach, Enter, Redeem, Recognise, Fail, Succeed, Finish, Expire, LoseClient>;

// A flow as its log says it is. A value: it never changes under you.
struct Flow {
  Header header;
  int64_t length = 0;                    // entries so far
  absl::Time last_time;                  // of the last entry
  v1::Step step = v1::STEP_UNSPECIFIED;  // where the user is: the furthest entered in this attempt
  absl::Time step_time;                  // when it was entered
  int attempt = 1;                       // at the browser
  int64_t attachment = 0;                // number of the newest *attached*; 0: none
  struct Exchange {
    int attempt = 0;
    std::string code;
    absl::Time until;
    bool answered = false;  // exchanged or failed
  };
  std::optional<Exchange> exchange;   // the newest
  std::vector<std::string> codes;     // fingerprints of all codes begun, at most kMaxAttempts
  unsigned entered = 0;               // bit 1 << step for each step of this attempt
  std::string user_id;                // once any attempt exchanged, when tracked
  std::string owner;                  // once this attempt exchanged
  std::optional<ErrorClass> trouble;  // call_failed is the last entry other than attached
  // The same, but a way is left: nothing is over, unless the client says that this is why it gives up.
  std::optional<ErrorClass> way_closed;
  std::optional<Outcome> outcome;  // set once
  absl::Time end;                  // with the outcome

  bool exchanged() const { return !owner.empty(); }
  // An exchange is under way as far as the log can tell.
  bool Exchanging(absl::Time now) const { return exchange && !exchange->answered && now < exchange->until; }
  // This attempt can no longer succeed: its redirect or its exchange was refused, the exchange outlived its server, or
  // its tokens are gone before anything shows that the client has them.
  bool AttemptSpent(absl::Time now, const std::string& lost_code) const {
    const bool exchange_lost = exchange && exchange->code == lost_code;
    if (exchanged()) return exchange_lost && step == v1::STEP_CODE_EXCHANGE;
    if (Exchanging(now) && !exchange_lost) return false;
    return trouble.has_value() || (exchange && exchange->attempt == attempt);
  }
  // When the clock alone ends the flow, as far as the log says now.
  absl::Time DueAt() const;

  // The only place that knows what may come next. Total: every proposal has one of three answers.
  //   an entry   append it
  //   nullopt    already so: answer the caller as the first time
  //   an error   refused, with its class; FAILED_PRECONDITION without a class for Expire and LoseClient that do not
  //   hold
  absl::StatusOr<std::optional<Entry>> Next(const Proposal& proposal, absl::Time now) const;

  // The flow after the entry, which must be number length + 1.
  Flow With(const Entry& entry) const;
  // Entry number 1.
  static Entry Start(Header header);
  // Folds a whole log. DATA_LOSS if it does not begin with *started* or has a gap.
  static absl::StatusOr<Flow> FromLog(const std::vector<Entry>& log);
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FLOW_FLOW_H_
