// Flow::Next: the only place that knows what may come next.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/events/event.h"
#include "server/flow/flow.h"

namespace authflow {
namespace {

using Answer = absl::StatusOr<std::optional<What>>;

// app_select and app_create share a place: neither is before the other.
int PlaceOf(v1::Step step) { return step == v1::STEP_APP_CREATE ? v1::STEP_APP_SELECT : step; }

absl::Status Over(const Flow& flow) {
  const auto* aborted = std::get_if<Aborted>(&*flow.outcome);
  if (aborted != nullptr && aborted->reason == v1::ABORT_REASON_EXPIRED) {
    return Refusal(v1::ERROR_CLASS_FLOW_EXPIRED, "This login took too long and has ended. Start it again.");
  }
  return Refusal(v1::ERROR_CLASS_FLOW_FINISHED, "This login has already ended. Start it again.");
}

absl::Status NotExchanged() {
  return Refusal(v1::ERROR_CLASS_NOT_EXCHANGED, "The sign-in at the provider is not finished yet.");
}

// What holds for a flow that is neither over nor overdue.
struct Rules {
  const Flow& flow;
  absl::Time now;

  Answer operator()(const Attach&) const { return Attached{}; }

  Answer operator()(const Enter& enter) const {
    switch (enter.step) {
      case v1::STEP_BROWSER_WAIT:
        return EnterBrowserWait(enter.lost_code);
      case v1::STEP_APPS_FETCH:
        if (!enter.by_server) return NotTheClients(enter.step);
        break;
      case v1::STEP_APP_SELECT:
      case v1::STEP_APP_CREATE:
      case v1::STEP_PROFILE_CONFIGURE:
        break;
      default:
        return NotTheClients(enter.step);
    }
    if (!flow.exchanged()) return NotExchanged();
    const bool new_here = (flow.entered & (1u << enter.step)) == 0;
    if (!new_here || PlaceOf(enter.step) < PlaceOf(flow.step)) return std::nullopt;
    return Entered{.step = enter.step, .attempt = flow.attempt};
  }

  Answer operator()(const Redeem& redeem) const {
    if (redeem.attempt != flow.attempt) {
      return Refusal(v1::ERROR_CLASS_STATE_MISMATCH, "This answer belongs to an earlier attempt at the browser.");
    }
    if (flow.exchange && flow.exchange->attempt == redeem.attempt && flow.exchange->code == redeem.code) {
      return std::nullopt;
    }
    const bool seen = std::find(flow.codes.begin(), flow.codes.end(), redeem.code) != flow.codes.end();
    if (seen || flow.exchanged() || (flow.exchange && flow.exchange->attempt == redeem.attempt)) {
      return Refusal(v1::ERROR_CLASS_CODE_USED, "A code was already redeemed in this attempt at the browser.");
    }
    return ExchangeBegun{.attempt = redeem.attempt, .code = redeem.code, .until = redeem.until};
  }

  Answer operator()(const Recognise& recognise) const {
    if (flow.exchanged() && flow.exchange->attempt == recognise.attempt) return std::nullopt;
    if (!Awaited(recognise.attempt)) return GivenUp();
    return Exchanged{.user_id = flow.header.tracked ? recognise.user_id : "", .owner = recognise.owner};
  }

  Answer operator()(const Fail& fail) const {
    if (fail.in_exchange) {
      if (!Awaited(fail.attempt)) return GivenUp();
      return CallFailed{fail.error_class};
    }
    if (fail.attempt != 0 && fail.attempt != flow.attempt) return GivenUp();
    // The exchange that runs has the last word on its attempt, whatever a second redirect says.
    if (flow.Exchanging(now) && flow.exchange->attempt == flow.attempt) return std::nullopt;
    // What is over stays so.
    const bool way_left = fail.way_left && !flow.trouble;
    if ((way_left ? flow.way_closed : flow.trouble) == fail.error_class) return std::nullopt;
    return CallFailed{.error_class = fail.error_class, .way_left = way_left};
  }

  Answer operator()(const Succeed&) const {
    if (!flow.trouble) return std::nullopt;
    return CallOk{};
  }

  Answer operator()(const Finish& finish) const {
    if (std::holds_alternative<Completed>(finish.outcome) && !flow.exchanged()) return NotExchanged();
    const auto* failed = std::get_if<Failed>(&finish.outcome);
    if (failed != nullptr && failed->error_class == v1::ERROR_CLASS_UNSPECIFIED) {
      // "The refusal you gave me."
      const std::optional<ErrorClass>& refusal = flow.trouble ? flow.trouble : flow.way_closed;
      return Ended{Failed{refusal.value_or(v1::ERROR_CLASS_CLIENT_ERROR)}};
    }
    return Ended{finish.outcome};
  }

  Answer operator()(const Expire&) const {
    if (now < flow.DueAt()) return absl::FailedPreconditionError("not overdue");
    return Ended{Aborted{v1::ABORT_REASON_EXPIRED}};
  }

  Answer operator()(const LoseClient& lose) const {
    if (lose.attachment != flow.attachment) return absl::FailedPreconditionError("the client came back");
    if (lose.length != flow.length) return absl::FailedPreconditionError("the flow moved on");
    if (flow.Exchanging(now)) return absl::FailedPreconditionError("an exchange is under way");
    if (flow.trouble) return Ended{Failed{*flow.trouble}};
    return Ended{Aborted{v1::ABORT_REASON_CLIENT_LOST}};
  }

 private:
  // The exchange of that attempt was begun, and neither answered nor given up for another attempt.
  bool Awaited(int attempt) const {
    return flow.attempt == attempt && flow.exchange && flow.exchange->attempt == attempt && !flow.exchange->answered;
  }

  static absl::Status GivenUp() {
    return Refusal(v1::ERROR_CLASS_ANSWER_GONE, "The answer came for an attempt that was given up.");
  }

  static absl::Status NotTheClients(v1::Step step) {
    return Refusal(v1::ERROR_CLASS_STEP_NOT_ALLOWED,
                   absl::StrCat("The step ", StepName(step), " is not a client's to enter."));
  }

  Answer EnterBrowserWait(const std::string& lost_code) const {
    if (flow.AttemptSpent(now, lost_code)) {
      if (flow.attempt >= kMaxAttempts) {
        return Refusal(v1::ERROR_CLASS_ATTEMPTS_EXHAUSTED,
                       absl::StrCat("This login was tried ", kMaxAttempts, " times. Start it again."));
      }
      return Entered{.step = v1::STEP_BROWSER_WAIT, .attempt = flow.attempt + 1};
    }
    if (flow.step != v1::STEP_UNSPECIFIED) return std::nullopt;
    return Entered{.step = v1::STEP_BROWSER_WAIT, .attempt = flow.attempt};
  }
};

// What holds once a flow has ended: it stays as it is.
struct RulesAfterTheEnd {
  const Flow& flow;

  Answer operator()(const Attach&) const { return std::nullopt; }
  Answer operator()(const Finish&) const { return std::nullopt; }
  Answer operator()(const Expire&) const { return std::nullopt; }
  Answer operator()(const LoseClient&) const { return std::nullopt; }
  Answer operator()(const Enter&) const { return Over(flow); }
  Answer operator()(const Redeem&) const { return Over(flow); }
  Answer operator()(const Recognise&) const { return Over(flow); }
  Answer operator()(const Fail&) const { return Over(flow); }
  Answer operator()(const Succeed&) const { return Over(flow); }
};

// An overdue flow takes an end, and the answer of an exchange that was begun in time; nothing else.
bool TakenWhenOverdue(const Proposal& proposal) {
  return !std::holds_alternative<Enter>(proposal) && !std::holds_alternative<Redeem>(proposal);
}

Answer WhatNext(const Flow& flow, const Proposal& proposal, absl::Time now) {
  if (flow.outcome) return std::visit(RulesAfterTheEnd{flow}, proposal);
  if (now >= flow.DueAt() && !TakenWhenOverdue(proposal)) {
    return Refusal(v1::ERROR_CLASS_FLOW_EXPIRED, "This login took too long and has ended. Start it again.");
  }
  return std::visit(Rules{flow, now}, proposal);
}

}  // namespace

absl::StatusOr<std::optional<Entry>> Flow::Next(const Proposal& proposal, absl::Time now) const {
  Answer answer = WhatNext(*this, proposal, now);
  if (!answer.ok()) return answer.status();
  if (!*answer) return std::nullopt;
  // Clocks of replicas differ a little: the log's own order wins.
  return Entry{.number = length + 1, .time = std::max(now, last_time), .what = std::move(**answer)};
}

}  // namespace authflow
