// StartDeviceAuthorization and AwaitDevice: another way through the browser's step, with a code that the person types
// in elsewhere (RFC 8628).
//
// Asking about a code is no redemption: most answers are "not yet". The one that brings the tokens redeems the code by
// the same exchange of messages, so that *exchange_begun* is appended after it, directly before *exchanged*. What that
// leaves open is a server that dies between the two: the tokens are lost, as with an exchange that outlived its server,
// and the person gets another code.

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/kill_point.h"
#include "server/base/text.h"
#include "server/flow/record.h"
#include "server/flow/use_cases.h"

namespace authflow {
namespace {

// A call is held so long: shorter than what stands between usually cuts off.
constexpr absl::Duration kHeld = absl::Seconds(20);

// Never leaves this file: says that the person has not decided.
absl::Status StillPending() { return absl::UnavailableError("authorization_pending"); }
bool IsStillPending(const absl::Status& status) {
  return absl::IsUnavailable(status) && ClassOf(status) == v1::ERROR_CLASS_UNSPECIFIED;
}

// The provider does not let this client have the grant: that says nothing of the way through the browser.
bool ClosesThisWayOnly(const absl::Status& refusal) {
  return ClassOf(refusal) == v1::ERROR_CLASS_PROVIDER_CLIENT_REFUSED;
}

// What travels with the client, sealed.
struct DeviceCode {
  int attempt = 1;
  absl::Duration interval;
  absl::Time expire;
  Secret code;
};

std::string ContextOf(const FlowId& id) { return absl::StrCat("device ", id.ToString()); }

Secret Sealed(const Keys& keys, const FlowId& id, const DeviceCode& code) {
  const std::string plain = absl::StrCat(code.attempt, " ", absl::ToInt64Seconds(code.interval), " ",
                                         absl::ToUnixSeconds(code.expire), " ", code.code.Reveal());
  return Secret(absl::WebSafeBase64Escape(keys.Seal(plain, ContextOf(id))));
}

absl::StatusOr<DeviceCode> Opened(const Keys& keys, const FlowId& id, const Secret& sealed) {
  std::string bytes;
  absl::StatusOr<std::string> plain = absl::InvalidArgumentError("");
  if (absl::WebSafeBase64Unescape(sealed.Reveal(), &bytes)) plain = keys.Open(bytes, ContextOf(id));
  if (plain.ok()) {
    const std::vector<std::string> parts = absl::StrSplit(*plain, absl::MaxSplits(' ', 3));
    DeviceCode code;
    int64_t interval = 0;
    int64_t expire = 0;
    if (parts.size() == 4 && absl::SimpleAtoi(parts[0], &code.attempt) && absl::SimpleAtoi(parts[1], &interval) &&
        absl::SimpleAtoi(parts[2], &expire)) {
      code.interval = absl::Seconds(interval);
      code.expire = absl::FromUnixSeconds(expire);
      code.code = Secret(parts[3]);
      return code;
    }
  }
  return Refusal(v1::ERROR_CLASS_STATE_MISMATCH, "This code belongs to another sign-in than the one asked for.");
}

// One code of one flow, as AwaitDevice asks about it.
struct Wanted {
  FlowId id;
  DeviceCode code;
  std::string fingerprint;
  std::string key;
};

Redeem RedeemOf(const Wanted& wanted, absl::Time until) {
  return Redeem{.attempt = wanted.code.attempt, .code = wanted.fingerprint, .until = until};
}

absl::Status AnswerGone() {
  return Refusal(v1::ERROR_CLASS_ANSWER_GONE,
                 "This code was redeemed before, and its answer is no longer here. Sign in once more.");
}

// OK while the flow could still take this code's tokens.
absl::Status Takes(const Flow& flow, const Wanted& wanted, absl::Time now) {
  const absl::StatusOr<std::optional<Entry>> next = flow.Next(RedeemOf(wanted, now), now);
  if (!next.ok()) return next.status();
  return *next ? absl::OkStatus() : AnswerGone();
}

// The provider has said no, or cannot be understood: writes it down. What comes back is the refusal, or why it could
// not be written.
Task<absl::Status> Refused(World& world, Wanted wanted, absl::Status refusal) {
  const bool denied = ClassOf(refusal) == v1::ERROR_CLASS_DENIED;
  Proposal proposal =
      Fail{.error_class = ClassOf(refusal), .attempt = wanted.code.attempt, .way_left = ClosesThisWayOnly(refusal)};
  if (denied) proposal = Finish{Aborted{v1::ABORT_REASON_DENIED}};
  absl::StatusOr<Recorded> recorded = co_await Record(world, wanted.id, std::move(proposal));
  if (!recorded.ok()) co_return recorded.status();
  if (denied && *recorded->flow->outcome != Outcome(Aborted{v1::ABORT_REASON_DENIED})) {
    co_return Refusal(v1::ERROR_CLASS_FLOW_FINISHED, "This login has already ended. Start it again.");
  }
  co_return refusal;
}

// The provider has given tokens: the code is redeemed. A flow that cannot take them any more gives them back.
Task<absl::StatusOr<SignedIn>> Taken(World& world, Wanted wanted, const Product* product, SignedIn signed_in) {
  Proposal redeem = RedeemOf(wanted, world.clock.Now() + product->exchange);
  absl::StatusOr<Recorded> begun = co_await Record(world, wanted.id, std::move(redeem));
  if (begun.ok() && begun->wrote)
    co_return co_await RecogniseOrRevoke(world, begun->flow, product, std::move(signed_in));
  Tokens unused = std::move(signed_in.tokens);
  co_await product->provider->Revoke(std::move(unused));
  co_return begun.ok() ? AnswerGone() : begun.status();
}

// One question to the provider, for all calls that wait for its answer. It ends well also when they have gone.
Task<Worked<SignedIn>> Poll(World& world, Wanted wanted, const Product* product) {
  absl::StatusOr<SharedFlow> flow = co_await LoadFlow(world, wanted.id);
  if (!flow.ok()) co_return Worked<SignedIn>{.answer = flow.status(), .keep = false};
  const absl::Time began = world.clock.Now();
  absl::Status takes = Takes(**flow, wanted, began);
  if (!takes.ok()) co_return Worked<SignedIn>{.answer = takes, .keep = false};

  DeviceGrant grant{
      .kind = (*flow)->header.kind, .device_code = wanted.code.code, .deadline = began + product->exchange};
  absl::StatusOr<DeviceAnswer> polled = co_await product->provider->PollDevice(std::move(grant));
  const absl::Time now = world.clock.Now();
  if (polled.ok() && polled->state != DeviceAnswer::State::kSignedIn) {
    world.device_pace.Answered(wanted.key, polled->state, now);
    co_return Worked<SignedIn>{.answer = StillPending(), .keep = false};
  }
  KillPoint(KillPointName::kAfterProviderAnswer);
  world.observer.OnCall(product->id, "exchange", polled.status(), now - began);
  if (polled.ok()) {
    SignedIn answer = std::move(polled->signed_in);
    absl::StatusOr<SignedIn> taken = co_await Taken(world, wanted, product, std::move(answer));
    co_return Worked<SignedIn>{.answer = std::move(taken)};
  }
  absl::Status refusal = polled.status();
  absl::Status refused = co_await Refused(world, wanted, std::move(refusal));
  co_return Worked<SignedIn>{.answer = refused};
}

}  // namespace

Task<absl::StatusOr<StartedDevice>> StartDevice(World& world, FlowToken token) {
  absl::StatusOr<SharedFlow> loaded = co_await LoadFlow(world, token.flow_id());
  if (!loaded.ok()) co_return loaded.status();
  const SharedFlow shared = *std::move(loaded);
  const Flow& flow = *shared;
  absl::StatusOr<const Product*> product = FindProduct(world, flow.header.product);
  if (!product.ok()) co_return product.status();
  const absl::Time now = world.clock.Now();
  // Any code that the flow has not seen.
  const Wanted any{.id = flow.header.id, .code = {.attempt = flow.attempt}, .fingerprint = "", .key = ""};
  if (absl::Status takes = Takes(flow, any, now); !takes.ok()) co_return takes;
  if (flow.step == v1::STEP_UNSPECIFIED) {
    co_return Refusal(v1::ERROR_CLASS_STEP_NOT_ALLOWED, "The step browser_wait must be entered first.");
  }
  absl::StatusOr<DeviceAuthorization> device = co_await (*product)->provider->StartDevice(flow.header.kind);
  if (!device.ok()) {
    // Why, should the client give up: FinishFlow(failed) then says this. One that goes on with the browser, and is lost
    // there, did not end by it.
    Proposal failed = Fail{.error_class = ClassOf(device.status()), .attempt = flow.attempt, .way_left = true};
    absl::StatusOr<Recorded> recorded = co_await Record(world, flow.header.id, std::move(failed));
    co_return recorded.ok() ? device.status() : recorded.status();
  }
  const DeviceCode code{.attempt = flow.attempt,
                        .interval = device->interval,
                        .expire = device->expire,
                        .code = std::move(device->device_code)};
  StartedDevice started;
  started.flow = shared;
  started.device_code = Sealed(world.keys, flow.header.id, code);
  started.user_code = std::move(device->user_code);
  started.verification_uri = std::move(device->verification_uri);
  started.verification_uri_complete = std::move(device->verification_uri_complete);
  started.lasts = std::max(std::min(code.expire, flow.DueAt()) - world.clock.Now(), absl::ZeroDuration());
  co_return started;
}

Task<absl::StatusOr<std::optional<SignedIn>>> AwaitDevice(World& world, FlowToken token, Secret device_code,
                                                          std::function<bool()> gone) {
  using Answer = absl::StatusOr<std::optional<SignedIn>>;
  Wanted wanted;
  wanted.id = token.flow_id();
  absl::StatusOr<DeviceCode> code = Opened(world.keys, wanted.id, device_code);
  if (!code.ok()) co_return code.status();
  wanted.code = *std::move(code);
  wanted.fingerprint = world.keys.Fingerprint("device", wanted.code.code.Reveal());
  wanted.key = ExchangeKey(wanted.id, wanted.fingerprint);

  const absl::Time held = world.clock.Now() + kHeld;
  for (;;) {
    absl::StatusOr<SharedFlow> flow = co_await LoadFlow(world, wanted.id);
    if (!flow.ok()) co_return flow.status();
    absl::StatusOr<const Product*> product = FindProduct(world, (*flow)->header.product);
    if (!product.ok()) co_return product.status();
    const absl::Time now = world.clock.Now();
    if (!world.exchanges.Knows(wanted.key, now)) {
      if (absl::Status takes = Takes(**flow, wanted, now); !takes.ok()) co_return takes;
      if (now >= wanted.code.expire) {
        absl::Status expired = Refusal(v1::ERROR_CLASS_CODE_REFUSED,
                                       "The code was not approved in time. Sign in once more with a new one.");
        absl::Status refused = co_await Refused(world, wanted, std::move(expired));
        co_return refused;
      }
      const absl::Time until = std::min(held, wanted.code.expire);
      const std::optional<absl::Time> next =
          world.device_pace.Take(wanted.key, wanted.code.interval, wanted.code.expire, now, until);
      const bool goes_on = co_await world.device_pace.Wait(next.value_or(until) - now);
      if (!goes_on || gone()) co_return Answer(std::nullopt);
      if (!next && until == held) co_return Answer(std::nullopt);
      if (!next) continue;
    }
    std::function<absl::Time()> clock = [clock = &world.clock] { return clock->Now(); };
    std::function<Task<Worked<SignedIn>>()> work = [world = &world, wanted, product = *product] {
      return Poll(*world, wanted, product);
    };
    std::string key = wanted.key;
    absl::StatusOr<SignedIn> signed_in =
        co_await world.exchanges.JoinOrBegin(std::move(key), &world.executor, std::move(clock), std::move(work));
    if (signed_in.ok()) co_return Answer(*std::move(signed_in));
    if (!IsStillPending(signed_in.status())) co_return signed_in.status();
  }
}

}  // namespace authflow
