#include "tests/model/rules.h"

#include <cstdlib>
#include <iostream>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/events/event.h"
#include "server/flow/record.h"

namespace authflow::model {
namespace {

// A world that outgrows its numbers is not a smaller proof, but none.
void Demand(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "the model's world is too large: " << what << std::endl;
  std::abort();
}

std::string CodeOf(int attempt) { return absl::StrCat("code-", attempt); }
// Somebody else signs in in each attempt, so that whose answer was written can be told.
std::string UserOf(int attempt) { return absl::StrCat("user-", attempt); }

End EndOf(const Outcome& outcome) {
  if (std::holds_alternative<Completed>(outcome)) return End::kCompleted;
  if (std::holds_alternative<Failed>(outcome)) return End::kFailed;
  switch (std::get<Aborted>(outcome).reason) {
    case v1::ABORT_REASON_CLIENT_LOST:
      return End::kClientLost;
    case v1::ABORT_REASON_EXPIRED:
      return End::kExpired;
    default:
      return End::kCancelled;
  }
}

std::string Words(const Outcome& outcome) {
  if (std::holds_alternative<Completed>(outcome)) return "completed";
  if (const auto* failed = std::get_if<Failed>(&outcome)) return absl::StrCat("failed, ", NameOf(failed->error_class));
  return absl::StrCat("aborted, ", ReasonName(std::get<Aborted>(outcome).reason));
}

// All that tells one entry from another, and reads well.
std::string Words(const Entry& entry) {
  std::string words = absl::StrCat("entry ", entry.number, " ");
  if (std::holds_alternative<Started>(entry.what)) {
    words += "started";
  } else if (std::holds_alternative<Attached>(entry.what)) {
    words += "attached";
  } else if (const auto* entered = std::get_if<Entered>(&entry.what)) {
    absl::StrAppend(&words, "step ", StepName(entered->step), ", attempt ", entered->attempt);
  } else if (const auto* begun = std::get_if<ExchangeBegun>(&entry.what)) {
    absl::StrAppend(&words, "exchange_begun of attempt ", begun->attempt, " until instant ", InstantOf(begun->until));
  } else if (const auto* exchanged = std::get_if<Exchanged>(&entry.what)) {
    absl::StrAppend(&words, "exchanged, ", exchanged->user_id);
  } else if (const auto* failed = std::get_if<CallFailed>(&entry.what)) {
    absl::StrAppend(&words, "call_failed, ", NameOf(failed->error_class));
  } else if (std::holds_alternative<CallOk>(entry.what)) {
    words += "call_ok";
  } else {
    absl::StrAppend(&words, "ended: ", Words(std::get<Ended>(entry.what).outcome));
  }
  return absl::StrCat(words, " (instant ", InstantOf(entry.time), ")");
}

void Read(const Entry& entry, Facts& facts) {
  if (facts.end != End::kNone) facts.entry_after_end = true;
  ++facts.length;
  if (std::holds_alternative<Attached>(entry.what)) {
    facts.attachment = facts.length;
  } else if (const auto* entered = std::get_if<Entered>(&entry.what)) {
    facts.attempt = entered->attempt;
    if (entered->step == v1::STEP_BROWSER_WAIT) facts.browser_waits |= 1u << entered->attempt;
  } else if (const auto* begun = std::get_if<ExchangeBegun>(&entry.what)) {
    facts.exchange_open = true;
    facts.until = InstantOf(begun->until);
  } else if (const auto* exchanged = std::get_if<Exchanged>(&entry.what)) {
    for (int attempt = 1; attempt <= 2; ++attempt) {
      if (exchanged->user_id == UserOf(attempt)) facts.exchanged |= 1u << attempt;
    }
    facts.exchange_open = false;
  } else if (std::holds_alternative<CallFailed>(entry.what)) {
    facts.exchange_open = false;
  } else if (const auto* ended = std::get_if<Ended>(&entry.what)) {
    ++facts.ends;
    facts.end = EndOf(ended->outcome);
  }
}

}  // namespace

absl::Time TimeAt(int instant) { return absl::FromUnixSeconds(1'764'000'000) + instant * absl::Minutes(1); }

int InstantOf(absl::Time time) { return static_cast<int>((time - TimeAt(0)) / absl::Minutes(1)); }

Rules::Rules(const Bounds& bounds, Bug bug) : bounds_(bounds), bug_(bug), logs_(1), events_(1) {
  attach = Number("attach", Attach{});
  complete = Number("finish: completed", Finish{Completed{}});
  cancel = Number("finish: aborted, user_cancelled", Finish{Aborted{v1::ABORT_REASON_USER_CANCELLED}});
  fail = Number("finish: failed", Finish{Failed{}});
  expire = Number("expire", Expire{});
  for (int attempt = 1; attempt <= 2; ++attempt) {
    recognise[attempt] = Number(
        absl::StrCat("exchanged in attempt ", attempt),
        Recognise{.user_id = UserOf(attempt), .owner = OwnerDigest("tool", UserOf(attempt)), .attempt = attempt});
    refuse[attempt] =
        Number(absl::StrCat("exchange refused in attempt ", attempt),
               Fail{.error_class = v1::ERROR_CLASS_CODE_REFUSED, .attempt = attempt, .in_exchange = true});
  }
  for (auto& row : lose_) row.fill(0);
}

ProposalId Rules::Number(const std::string& words, const Proposal& proposal) {
  const auto [it, is_new] = by_words_.emplace(words, static_cast<ProposalId>(proposals_.size()));
  if (is_new) {
    Demand(proposals_.size() < 255, "proposals");
    proposals_.push_back({.words = words, .proposal = proposal});
  }
  return it->second;
}

ProposalId Rules::Start(int at) {
  const ProposalId id = Number(absl::StrCat("start at instant ", at), Attach{});
  proposals_[id].start = at;
  return id;
}

ProposalId Rules::EnterBrowserWait(int lost_attempt) {
  if (lost_attempt == 0) return Number("enter browser_wait", Enter{.step = v1::STEP_BROWSER_WAIT});
  return Number(absl::StrCat("enter browser_wait, the exchange of attempt ", lost_attempt, " is lost"),
                Enter{.step = v1::STEP_BROWSER_WAIT, .lost_code = CodeOf(lost_attempt)});
}

ProposalId Rules::BeginExchange(int attempt, int until) {
  return Number(absl::StrCat("begin the exchange of attempt ", attempt, " until instant ", until),
                Redeem{.attempt = attempt, .code = CodeOf(attempt), .until = TimeAt(until)});
}

ProposalId Rules::LoseClientOf(int attachment, int length) {
  Demand(attachment < 16 && length < 16, "entries");
  ProposalId& known = lose_[static_cast<size_t>(attachment)][static_cast<size_t>(length)];
  if (known == 0) {
    known = Number(absl::StrCat("client_lost{", attachment, ", ", length, "}"),
                   LoseClient{.attachment = attachment, .length = length});
  }
  return known;
}

Header Rules::HeaderAt(int at) const {
  return Header{.id = *Uuid::Parse("0192c3a0-0000-8000-8000-000000000001"),
                .product = "tool",
                .kind = v1::FLOW_KIND_LOGIN,
                .invocation = *Uuid::Parse("0192c3a0-0000-4000-8000-000000000002"),
                .claimed_user_id = "",
                .redirect_uri = "http://127.0.0.1:1/callback",
                .start = TimeAt(at),
                .expire = TimeAt(at + bounds_.expiry),
                .browser_wait = bounds_.browser_wait * absl::Minutes(1)};
}

Decision Rules::Ask(LogId log, ProposalId id, int at) {
  const Asked asked = proposals_[id];
  if (asked.start >= 0) {
    return {.kind = Decision::Kind::kEntry, .next = Intern(0, Flow::Start(HeaderAt(asked.start)))};
  }
  if (log == 0) return {.kind = Decision::Kind::kRefused, .refused = v1::ERROR_CLASS_FLOW_NOT_FOUND};
  Flow flow = logs_[log].flow;
  Proposal proposal = asked.proposal;
  // The planted bugs of the rules: the real ones are asked about something else than what is.
  if (bug_ == Bug::kExpiryDuringAnExchange && std::holds_alternative<Expire>(proposal)) flow.exchange.reset();
  if (bug_ == Bug::kClientLostWithoutTheAttachmentCheck && std::holds_alternative<LoseClient>(proposal)) {
    proposal = LoseClient{.attachment = flow.attachment, .length = flow.length};
  }
  if (bug_ == Bug::kClientLostWithoutTheLengthCheck && std::holds_alternative<LoseClient>(proposal)) {
    std::get<LoseClient>(proposal).length = flow.length;
  }
  const absl::StatusOr<std::optional<Entry>> next = flow.Next(proposal, TimeAt(at));
  if (!next.ok()) return {.kind = Decision::Kind::kRefused, .refused = ClassOf(next.status())};
  if (!next->has_value()) return {.kind = Decision::Kind::kAlready};
  return {.kind = Decision::Kind::kEntry, .next = Intern(log, **next)};
}

LogId Rules::Append(LogId log, LogId last) {
  Entry entry = logs_[last].last;
  entry.number = logs_[log].facts.length + 1;
  return Intern(log, entry);
}

LogId Rules::Intern(LogId log, const Entry& entry) {
  const auto key = std::make_pair(log, Words(entry));
  const auto found = by_entry_.find(key);
  if (found != by_entry_.end()) return found->second;
  Demand(logs_.size() < std::numeric_limits<LogId>::max(), "logs");
  const Flow& before = logs_[log].flow;
  Log grown{.last = entry, .flow = before.With(entry), .facts = logs_[log].facts};
  // What the product commits with the entry.
  const authflow::Append append = AppendOf(before, grown.flow, entry, "sealed");
  Read(entry, grown.facts);
  Demand(grown.facts.length < 16, "entries");
  if (grown.facts.length == 1) grown.first_due = InstantOf(append.due_at);
  grown.facts.events_before = grown.facts.event_count;
  for (const Event& event : append.events) {
    Demand(grown.facts.event_count < 7, "events");
    grown.facts.events |= static_cast<uint32_t>(InternEvent(event)) << (4 * grown.facts.event_count++);
  }
  logs_.push_back(std::move(grown));
  const LogId id = static_cast<LogId>(logs_.size() - 1);
  by_entry_.emplace(key, id);
  return id;
}

EventId Rules::InternEvent(const Event& event) {
  EventKind kind{.message_id = event.message_id.ToString()};
  switch (event.body.event_case()) {
    case v1::FunnelEvent::kAuthStarted:
      kind.started = true;
      kind.words = "CLI Auth Started";
      break;
    case v1::FunnelEvent::kAuthCompleted:
      kind.end = End::kCompleted;
      kind.words = "CLI Auth Completed";
      break;
    case v1::FunnelEvent::kAuthAborted:
      kind.end = EndOf(Aborted{event.body.auth_aborted().reason()});
      kind.words = absl::StrCat("CLI Auth Aborted, ", ReasonName(event.body.auth_aborted().reason()));
      break;
    case v1::FunnelEvent::kAuthFailed:
      kind.end = End::kFailed;
      kind.words = "CLI Auth Failed";
      break;
    default:
      kind.words = "identify";
  }
  for (size_t id = 1; id < events_.size(); ++id) {
    if (events_[id].message_id == kind.message_id && events_[id].words == kind.words) return static_cast<EventId>(id);
  }
  Demand(events_.size() < 16, "kinds of events");
  events_.push_back(std::move(kind));
  return static_cast<EventId>(events_.size() - 1);
}

int Rules::DueAt(LogId log) const {
  const absl::Time due = logs_[log].flow.DueAt();
  return due == absl::InfiniteFuture() ? bounds_.end + 1 : InstantOf(due);
}

std::string Rules::EntryWords(LogId log) const { return Words(logs_[log].last); }

}  // namespace authflow::model
