// ExchangeCode: the redirect's answer becomes tokens and an identity, once.

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/kill_point.h"
#include "server/events/traits.h"
#include "server/flow/record.h"
#include "server/flow/use_cases.h"
#include "server/provider/redirect.h"

namespace authflow {
namespace {

// The store keeps a moment of the exchange's time to write down what came of it.
constexpr absl::Duration kTimeToRecord = absl::Seconds(2);

absl::Status Denied() { return Refusal(v1::ERROR_CLASS_DENIED, "The sign-in was declined in the browser."); }

absl::Status AnswerGone() {
  return Refusal(v1::ERROR_CLASS_ANSWER_GONE,
                 "This code was redeemed before, and its answer is no longer here. Sign in once more in the browser.");
}

// Writes a refusal down in the flow's log. What comes back is the refusal, or why it could not be written.
Task<absl::Status> Noted(World& world, SharedFlow flow, absl::Status refusal) {
  Proposal failed = Fail{.error_class = ClassOf(refusal), .attempt = flow->attempt};
  absl::StatusOr<Recorded> recorded = co_await Record(world, flow->header.id, std::move(failed));
  co_return recorded.ok() ? refusal : recorded.status();
}

// A redirect that carries the provider's "no" (RFC 6749 4.1.2.1).
Task<absl::Status> RefusedInBrowser(World& world, SharedFlow flow, RedirectAnswer answer) {
  if (answer.error == "access_denied") {
    Proposal denied = Finish{Aborted{v1::ABORT_REASON_DENIED}};
    absl::StatusOr<Recorded> ended = co_await Record(world, flow->header.id, std::move(denied));
    if (!ended.ok()) co_return ended.status();
    if (*ended->flow->outcome == Outcome(Aborted{v1::ABORT_REASON_DENIED})) co_return Denied();
    co_return Refusal(v1::ERROR_CLASS_FLOW_FINISHED, "This login has already ended. Start it again.");
  }
  absl::Status refusal = RedirectRefusal(answer);
  co_return co_await Noted(world, flow, std::move(refusal));
}

AttemptSecrets SecretsOf(const World& world, const Flow& flow) {
  return world.keys.DeriveAttempt(flow.header.key_name, flow.header.id, flow.attempt);
}

v1::IdentityTraits TraitsOf(const Identity& identity) {
  v1::IdentityTraits traits;
  traits.set_email(identity.email);
  traits.set_name(identity.name);
  return traits;
}

// The work that goes on whoever waits for it. Once the code is posted its answer is kept, whatever it is: the code is
// not posted again.
Task<Worked<SignedIn>> Exchange(World& world, SharedFlow flow, const Product* product, Secret code,
                                std::string fingerprint) {
  const absl::Time began = world.clock.Now();
  const absl::Time until = began + product->exchange;
  Proposal redeem = Redeem{.attempt = flow->attempt, .code = std::move(fingerprint), .until = until};
  absl::StatusOr<Recorded> begun = co_await Record(world, flow->header.id, std::move(redeem));
  if (!begun.ok()) co_return Worked<SignedIn>{.answer = begun.status(), .keep = false};
  if (!begun->wrote) co_return Worked<SignedIn>{.answer = AnswerGone(), .keep = false};

  AttemptSecrets secrets = SecretsOf(world, *flow);
  CodeGrant grant{.kind = flow->header.kind,
                  .code = std::move(code),
                  .code_verifier = std::move(secrets.code_verifier),
                  .nonce = std::move(secrets.nonce),
                  .redirect_uri = flow->header.redirect_uri,
                  .deadline = until - std::min(kTimeToRecord, product->exchange / 4)};
  absl::StatusOr<SignedIn> signed_in = co_await product->provider->RedeemCode(std::move(grant));
  KillPoint(KillPointName::kAfterProviderAnswer);
  world.observer.OnCall(product->id, "exchange", signed_in.status(), world.clock.Now() - began);
  if (signed_in.ok()) {
    SignedIn answer = *std::move(signed_in);
    absl::StatusOr<SignedIn> recognised = co_await RecogniseOrRevoke(world, flow, product, std::move(answer));
    co_return Worked<SignedIn>{.answer = std::move(recognised)};
  }
  Proposal failed = Fail{.error_class = ClassOf(signed_in.status()), .attempt = flow->attempt, .in_exchange = true};
  absl::StatusOr<Recorded> recorded = co_await Record(world, flow->header.id, std::move(failed));
  // Whether or not the log could take it (the flow may have ended): what the provider said is the answer.
  co_return Worked<SignedIn>{.answer = signed_in.status()};
}

}  // namespace

Task<absl::StatusOr<SignedIn>> RecogniseOrRevoke(World& world, SharedFlow flow, const Product* product,
                                                 SignedIn signed_in) {
  Proposal recognise = Recognise{.user_id = signed_in.identity.user_id,
                                 .owner = OwnerDigest(product->id, signed_in.identity.user_id),
                                 .attempt = flow->attempt};
  std::string traits = SealTraits(world.keys, flow->header.id, TraitsOf(signed_in.identity));
  absl::StatusOr<Recorded> recorded = co_await Record(world, flow->header.id, std::move(recognise), std::move(traits));
  if (recorded.ok()) co_return signed_in;
  Tokens unused = std::move(signed_in.tokens);
  co_await product->provider->Revoke(std::move(unused));
  co_return recorded.status();
}

std::string ExchangeKey(const FlowId& id, const std::string& code_fingerprint) {
  return absl::StrCat(id.ToString(), code_fingerprint);
}

Task<absl::StatusOr<SignedIn>> ExchangeCode(World& world, FlowToken token, Secret redirect_query) {
  absl::StatusOr<RedirectAnswer> answer = ParseRedirect(redirect_query.Reveal());
  if (!answer.ok()) co_return answer.status();
  absl::StatusOr<SharedFlow> known = co_await FlowOf(world, token);
  if (!known.ok()) co_return known.status();
  AttemptSecrets secrets = SecretsOf(world, **known);
  if (!answer->error.empty() || !(secrets.state == answer->state)) {
    // Another replica may be an attempt further. The log checks the attempt of a code; nothing else comes from the
    // cache.
    absl::StatusOr<SharedFlow> loaded = co_await LoadFlow(world, token.flow_id());
    if (!loaded.ok()) co_return loaded.status();
    known = *std::move(loaded);
    secrets = SecretsOf(world, **known);
  }
  const SharedFlow flow = *std::move(known);
  absl::StatusOr<const Product*> found = FindProduct(world, flow->header.product);
  if (!found.ok()) co_return found.status();
  const Product* product = *found;

  if (!(secrets.state == answer->state)) {
    co_return Refusal(v1::ERROR_CLASS_STATE_MISMATCH,
                      "This answer from the browser belongs to another login, or to an earlier attempt of this one.");
  }
  std::optional<std::string> iss = answer->iss;
  absl::Status issuer = co_await product->provider->CheckIssuer(std::move(iss));
  // Whoever sent this knows the state: it is the provider, or somebody between.
  if (!issuer.ok()) co_return co_await Noted(world, flow, std::move(issuer));
  if (!answer->error.empty()) {
    RedirectAnswer refused = *std::move(answer);
    absl::Status status = co_await RefusedInBrowser(world, flow, std::move(refused));
    co_return status;
  }

  std::string fingerprint = world.keys.Fingerprint("code", answer->code.Reveal());
  std::string key = ExchangeKey(flow->header.id, fingerprint);
  std::function<absl::Time()> now = [clock = &world.clock] { return clock->Now(); };
  std::function<Task<Worked<SignedIn>>()> work = [world = &world, flow, product, code = answer->code, fingerprint] {
    return Exchange(*world, flow, product, code, fingerprint);
  };
  absl::StatusOr<SignedIn> signed_in =
      co_await world.exchanges.JoinOrBegin(std::move(key), &world.executor, std::move(now), std::move(work));
  co_return signed_in;
}

}  // namespace authflow
