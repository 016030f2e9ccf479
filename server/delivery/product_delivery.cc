#include "server/delivery/product_delivery.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <exception>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "server/base/kill_point.h"
#include "server/base/random.h"
#include "server/delivery/backoff.h"

namespace authflow {
namespace asio = boost::asio;

// A named constant: gcc 12 is not to be trusted with temporaries in co_await expressions.
constexpr asio::use_awaitable_t<Executor> kUseTask;

struct ProductDelivery::Landing {
  const std::shared_ptr<ProductDelivery> self;
  const std::shared_ptr<Flight> flight;
  ~Landing() {
    self->flights_.erase(flight);
    self->Woken();
    self->parts_.living->Leave();
  }
};

ProductDelivery::ProductDelivery(Parts parts)
    : parts_(std::move(parts)), strand_(asio::make_strand(parts_.executor)), timer_(strand_) {}

void ProductDelivery::Start() {
  parts_.living->Enter();
  asio::co_spawn(strand_, Dispatch(shared_from_this()), asio::detached);
}

void ProductDelivery::Wake() {
  // One post for many commits.
  if (stopping_ || wake_posted_.exchange(true)) return;
  asio::post(strand_, [self = shared_from_this()] {
    self->wake_posted_ = false;
    self->Woken();
  });
}

void ProductDelivery::Stop() {
  stopping_ = true;
  asio::post(strand_, [self = shared_from_this()] { self->Woken(); });
}

void ProductDelivery::GiveUp() {
  parts_.giving_up->Enter();
  asio::post(strand_, [self = shared_from_this()] {
    self->given_up_ = true;
    for (const auto& flight : self->flights_) {
      if (std::exchange(flight->given_up, true)) continue;
      flight->timer.cancel();
      self->parts_.giving_up->Enter();
      asio::co_spawn(self->strand_, EndLease(self, flight->lane), asio::detached);
    }
    self->parts_.giving_up->Leave();
  });
}

Task<void> ProductDelivery::EndLease(std::shared_ptr<ProductDelivery> self, Lane lane) {
  try {
    std::string holder = self->parts_.holder;
    std::vector<int64_t> delivered;
    std::vector<DeadEvent> dead;
    // Lost or refused: the lease ends by itself.
    (void)co_await self->parts_.outbox.Settle(std::move(lane), std::move(holder), std::move(delivered), std::move(dead),
                                              self->parts_.clock.Now());
  } catch (const std::exception&) {
    // As above.
  }
  self->parts_.giving_up->Leave();
}

void ProductDelivery::Woken() {
  woken_ = true;
  timer_.cancel();
}

Task<void> ProductDelivery::Sleep(absl::Duration duration, bool wakeable) {
  timer_.expires_after(absl::ToChronoNanoseconds(duration));
  while (!stopping_ && !(wakeable && woken_)) {
    boost::system::error_code error;
    co_await timer_.async_wait(asio::redirect_error(kUseTask, error));
    if (!error) break;
  }
}

// How long until a lane that this process has put off may be tried again; at most the poll.
absl::Duration ProductDelivery::UntilDue() const {
  absl::Duration wait = parts_.options.poll;
  const absl::Time now = parts_.clock.Now();
  for (const auto& [lane, due] : put_off_) wait = std::min(wait, due - now);
  return std::max(wait, absl::Milliseconds(1));
}

Task<void> ProductDelivery::Dispatch(std::shared_ptr<ProductDelivery> self) {
  const size_t most = static_cast<size_t>(self->parts_.options.lanes_in_flight);
  while (!self->stopping_) {
    self->woken_ = false;
    size_t lanes = 0;
    bool full = false;
    Claimed claimed = Claimed::kNothing;
    while (!self->stopping_ && self->flights_.size() < most && (claimed == Claimed::kFullLane || lanes < most)) {
      claimed = Claimed::kFailed;
      try {
        claimed = co_await self->ClaimOne();
      } catch (const std::exception&) {
        ++self->claim_failures_;
      }
      if (claimed == Claimed::kNothing || claimed == Claimed::kFailed) break;
      ++lanes;
      full |= claimed == Claimed::kFullLane;
    }
    // A round that ended because every place was taken goes on with the next landing: one that is quick does not wait
    // for others that hang.
    const bool whole = lanes >= most || (claimed == Claimed::kNothing && lanes > 0);
    if (whole && !full) co_await self->Sleep(self->parts_.options.gather, /*wakeable=*/false);
    if (claimed == Claimed::kFailed) {
      // The store has trouble: commits of others are no reason to ask it again at once.
      const absl::Duration rest = Backoff(self->claim_failures_, RandomFraction());
      co_await self->Sleep(rest, /*wakeable=*/false);
    } else if (claimed == Claimed::kNothing || self->flights_.size() == most) {
      // With every place taken, only a landing (or a stop) is worth waking for.
      const absl::Duration rest = self->flights_.size() < most ? self->UntilDue() : self->parts_.options.poll;
      co_await self->Sleep(rest, /*wakeable=*/true);
    }
  }
  self->parts_.living->Leave();
}

Task<ProductDelivery::Claimed> ProductDelivery::ClaimOne() {
  const absl::Time now = parts_.clock.Now();
  const absl::Duration lease = parts_.sink->timeout() + parts_.options.lease_margin;
  std::string product = parts_.product;
  std::string holder = parts_.holder;
  absl::StatusOr<std::optional<Claim>> answer =
      co_await parts_.outbox.ClaimLane(std::move(product), std::move(holder), now, lease, parts_.options.max_events);
  if (!answer.ok()) {
    ++claim_failures_;
    co_return Claimed::kFailed;
  }
  claim_failures_ = 0;
  if (!answer->has_value()) {
    // What was due has been asked for.
    std::erase_if(put_off_, [now](const auto& entry) { return entry.second <= now; });
    co_return Claimed::kNothing;
  }
  Claim& claim = **answer;
  if (given_up_) co_return Claimed::kNothing;  // the lease ends by itself
  put_off_.erase(claim.lane.number);
  auto flight = std::make_shared<Flight>(strand_, claim.lane);
  flight->events = std::move(claim.events);
  flight->lease_end = now + lease;
  flight->not_before = now;
  flights_.insert(flight);
  const bool full = flight->events.size() == static_cast<size_t>(parts_.options.max_events);
  parts_.living->Enter();
  asio::co_spawn(strand_, Fly(shared_from_this(), flight), asio::detached);
  co_return full ? Claimed::kFullLane : Claimed::kLane;
}

Task<void> ProductDelivery::Fly(std::shared_ptr<ProductDelivery> self, std::shared_ptr<Flight> flight) {
  Landing landing{self, flight};
  const int lane = flight->lane.number;
  Batch batch;
  // A claim that came while the loop stopped goes back as it is.
  if (!self->stopping_) batch = MakeBatch(flight->events, self->parts_.keys);
  flight->events = {};
  flight->dead = std::move(batch.dead);
  self->ReportUnsendable(flight->dead);
  if (!batch.letters.empty()) {
    const auto trouble = self->troubles_.find(lane);
    const bool isolating = trouble != self->troubles_.end() && trouble->second.isolating;
    Delivery delivery;
    if (isolating) {
      delivery = co_await self->SendOneByOne(flight, std::move(batch.letters));
    } else {
      delivery = co_await self->SendTogether(flight, std::move(batch.letters));
    }
    self->PutOff(*flight, delivery);
    if (!flight->delivered.empty()) KillPoint(KillPointName::kAfterSinkAnswer);
  }
  co_await self->Settle(flight);
}

Task<Delivery> ProductDelivery::SendTogether(std::shared_ptr<Flight> flight, std::vector<Letter> letters) {
  std::vector<std::string> messages;
  for (const Letter& letter : letters) messages.push_back(letter.message);
  const bool alone = letters.size() == 1;
  Delivery delivery = co_await Ask(std::move(messages), /*last_word=*/alone);
  if (delivery.result == Delivery::Result::kDelivered) {
    for (const Letter& letter : letters) flight->delivered.push_back(letter.id);
  } else if (delivery.result == Delivery::Result::kRefused) {
    if (alone) {
      DeadEvent dead{.id = letters[0].id, .reason = delivery.reason};
      flight->dead.push_back(std::move(dead));
    } else {
      troubles_[flight->lane.number].isolating = true;
      delivery = co_await SendOneByOne(flight, std::move(letters));
    }
  }
  co_return delivery;
}

Task<Delivery> ProductDelivery::SendOneByOne(std::shared_ptr<Flight> flight, std::vector<Letter> letters) {
  absl::flat_hash_set<std::string> parked;
  Delivery delivery;
  delivery.result = Delivery::Result::kDelivered;
  bool asked = false;
  for (Letter& letter : letters) {
    if (parked.contains(letter.flow_id)) continue;
    // The lease must hold for one more request; each claim asks at least one, so that a slow sink is no standstill.
    const bool late = parts_.clock.Now() + parts_.sink->timeout() > flight->lease_end;
    if (asked && (late || stopping_)) co_return delivery;
    asked = true;
    std::vector<std::string> message;
    message.push_back(std::move(letter.message));
    delivery = co_await Ask(std::move(message), /*last_word=*/true);
    if (delivery.result == Delivery::Result::kDelivered) {
      flight->delivered.push_back(letter.id);
    } else if (delivery.result == Delivery::Result::kRefused) {
      DeadEvent dead{.id = letter.id, .reason = delivery.reason};
      flight->dead.push_back(std::move(dead));
      if (!letter.flow_id.empty()) parked.insert(letter.flow_id);
    } else {
      co_return delivery;
    }
  }
  const auto trouble = troubles_.find(flight->lane.number);
  if (trouble != troubles_.end()) trouble->second.isolating = false;
  co_return delivery;
}

void ProductDelivery::PutOff(Flight& flight, const Delivery& delivery) {
  const int lane = flight.lane.number;
  const absl::Time now = parts_.clock.Now();
  flight.not_before = now;
  // A refusal is an answer as well: what it was about is parked.
  if (delivery.result == Delivery::Result::kDelivered || delivery.result == Delivery::Result::kRefused) {
    const auto trouble = troubles_.find(lane);
    if (trouble == troubles_.end()) return;
    trouble->second.failures = 0;
    if (!trouble->second.isolating) troubles_.erase(trouble);
    return;
  }
  Trouble& trouble = troubles_[lane];
  ++trouble.failures;
  flight.not_before = now + Rest(trouble.failures, RandomFraction(), delivery.retry_after);
  put_off_[lane] = flight.not_before;
}

Task<Delivery> ProductDelivery::Ask(std::vector<std::string> messages, bool last_word) {
  const int events = static_cast<int>(messages.size());
  const absl::Time begun = parts_.clock.Now();
  Delivery delivery;
  delivery.reason = "exception";
  try {
    delivery = co_await parts_.sink->Deliver(std::move(messages));
  } catch (const std::exception&) {
    // As if the sink had not answered.
  }
  const char* result = "retry";
  switch (delivery.result) {
    case Delivery::Result::kDelivered:
      result = "delivered";
      break;
    case Delivery::Result::kRetry:
      break;
    case Delivery::Result::kRefused:
      result = last_word ? "dead" : "refused";
      break;
    case Delivery::Result::kOutage:
      result = "outage";
      break;
  }
  Report(delivery, result, events, parts_.clock.Now() - begun);
  co_return delivery;
}

Task<void> ProductDelivery::Settle(std::shared_ptr<Flight> flight) {
  for (int tries = 1; !flight->given_up; ++tries) {
    Lane lane = flight->lane;
    std::string holder = parts_.holder;
    std::vector<int64_t> delivered = flight->delivered;
    std::vector<DeadEvent> dead = flight->dead;
    const absl::StatusOr<bool> settled = co_await parts_.outbox.Settle(
        std::move(lane), std::move(holder), std::move(delivered), std::move(dead), flight->not_before);
    // False: the lease was lost, and who has it now sends these again.
    if (settled.ok()) co_return;
    // Events that are delivered are not sent again for want of a moment's patience; once the lease is over they are.
    const absl::Duration rest = Backoff(tries, RandomFraction());
    if (parts_.clock.Now() + rest > flight->lease_end) co_return;
    flight->timer.expires_after(absl::ToChronoNanoseconds(rest));
    boost::system::error_code error;
    if (!flight->given_up) co_await flight->timer.async_wait(asio::redirect_error(kUseTask, error));
  }
}

}  // namespace authflow
