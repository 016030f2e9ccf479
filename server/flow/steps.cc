// RecordStep, GetFlow and WatchFlow: where the user is.

#include <utility>

#include "server/flow/record.h"
#include "server/flow/use_cases.h"

namespace authflow {
namespace {

// The code of the exchange that the log speaks of, unless that runs here, or has answered and the tokens are still
// kept.
std::string LostCode(World& world, const Flow& flow) {
  if (!flow.exchange) return "";
  const std::string key = ExchangeKey(flow.header.id, flow.exchange->code);
  const bool here = flow.exchanged() ? world.exchanges.Knows(key, world.clock.Now()) : world.exchanges.Running(key);
  return here ? "" : flow.exchange->code;
}

}  // namespace

Task<absl::StatusOr<OpenedFlow>> RecordStep(World& world, FlowToken token, v1::Step step) {
  absl::StatusOr<SharedFlow> known = co_await FlowOf(world, token);
  if (!known.ok()) co_return known.status();
  std::string lost_code = LostCode(world, **known);
  if (step == v1::STEP_BROWSER_WAIT && (*known)->step != v1::STEP_UNSPECIFIED) {
    // Back to the browser: what is lost is looked for now, in the log as it is. A repeat of this call may have got the
    // client further by the time that this one is recorded.
    known = co_await LoadFlow(world, token.flow_id());
    if (!known.ok()) co_return known.status();
    lost_code = LostCode(world, **known);
  }
  Proposal enter = Enter{.step = step, .lost_code = std::move(lost_code)};
  absl::StatusOr<Recorded> recorded = co_await Record(world, token.flow_id(), std::move(enter), "", *std::move(known));
  if (!recorded.ok()) co_return recorded.status();
  OpenedFlow opened{.flow = std::move(recorded->flow), .token = {}, .authorization_url = {}, .state = {}};
  if (step != v1::STEP_BROWSER_WAIT || opened.flow->exchanged()) co_return opened;

  const Header& header = opened.flow->header;
  absl::StatusOr<const Product*> product = FindProduct(world, header.product);
  if (!product.ok()) co_return product.status();
  AttemptSecrets secrets = world.keys.DeriveAttempt(header.key_name, header.id, opened.flow->attempt);
  AuthorizationRequest authorization{.kind = header.kind,
                                     .redirect_uri = header.redirect_uri,
                                     .state = secrets.state,
                                     .nonce = std::move(secrets.nonce),
                                     .code_verifier = std::move(secrets.code_verifier),
                                     .login_hint = ""};
  absl::StatusOr<Secret> url = co_await (*product)->provider->AuthorizationUrl(std::move(authorization));
  if (!url.ok()) co_return url.status();
  opened.authorization_url = *std::move(url);
  opened.state = std::move(secrets.state);
  co_return opened;
}

Task<absl::StatusOr<SharedFlow>> GetFlow(World& world, FlowToken token) {
  absl::StatusOr<SharedFlow> flow = co_await LoadFlow(world, token.flow_id());
  co_return flow;
}

Task<absl::StatusOr<Attachment>> WatchFlow(World& world, FlowToken token, std::function<void()> changed) {
  Proposal attach = Attach{};
  absl::StatusOr<Recorded> recorded = co_await Record(world, token.flow_id(), std::move(attach));
  if (!recorded.ok()) co_return recorded.status();
  const SharedFlow flow = std::move(recorded->flow);
  Attachment attachment{.flow = flow, .number = 0, .watch = nullptr};
  if (flow->outcome) co_return attachment;
  attachment.number = flow->length;
  attachment.watch = world.watches.Open(flow, std::move(changed));
  // What was appended between our entry and the registration was published to nobody.
  if (SharedFlow newer = world.cache.Get(token.flow_id())) world.watches.Publish(std::move(newer));
  co_return attachment;
}

}  // namespace authflow
