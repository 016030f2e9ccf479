#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/flow/record.h"
#include "server/flow/use_cases.h"

namespace authflow {
namespace {

absl::Status Reused() {
  return Refusal(v1::ERROR_CLASS_REQUEST_ID_REUSED,
                 "This request_id was used before, and its answer is no longer repeated. Use a new one.");
}

// The header of a flow that does not exist yet.
Header HeaderOf(const World& world, const Product& product, const NewFlow& request, FlowId id, absl::Time now) {
  const bool tracked = !request.invocation.do_not_track();
  return Header{
      .id = id,
      .product = product.id,
      .kind = request.kind,
      .invocation = *Uuid::Parse(request.invocation.invocation_id()),
      .claimed_user_id = tracked ? request.invocation.user_id() : "",
      .redirect_uri = request.redirect_uri.empty() ? product.redirect.Pasted() : request.redirect_uri,
      .no_browser = request.no_browser,
      .tracked = tracked,
      .key_name = world.keys.current_key_name(),
      .start = now,
      .expire = now + product.flow_expiry,
      .browser_wait = product.browser_wait,
  };
}

// The flow that an earlier call with this request_id opened, if its answer is still repeated.
absl::Status CheckRepeatable(const Flow& flow, const Header& wanted, absl::Time now) {
  const bool same = flow.header.product == wanted.product && flow.header.kind == wanted.kind &&
                    flow.header.redirect_uri == wanted.redirect_uri && flow.header.no_browser == wanted.no_browser &&
                    flow.header.invocation == wanted.invocation;
  const bool untouched = flow.step == v1::STEP_UNSPECIFIED && !flow.exchange;
  if (!same || !untouched || now - flow.header.start > kStartRepeatable) return Reused();
  // A failed discovery ended it before anybody could touch it: the same refusal again. Other ends are no answer of
  // ours.
  if (!flow.outcome) return absl::OkStatus();
  const auto* failed = std::get_if<Failed>(&*flow.outcome);
  if (failed == nullptr || IsClientClass(failed->error_class)) return Reused();
  return WithMetadata(
      Refusal(failed->error_class, "The identity provider failed this login as it began. Start it again."), "flow_id",
      flow.header.id.ToString());
}

// Looks for the flow under every id that a key of ours would have given it.
// Null: there is none.
Task<absl::StatusOr<SharedFlow>> FindEarlier(World& world, std::vector<FlowId> ids) {
  for (const FlowId& id : ids) {
    absl::StatusOr<SharedFlow> flow = co_await LoadFlow(world, id);
    if (flow.ok()) co_return flow;
    if (ClassOf(flow.status()) != v1::ERROR_CLASS_FLOW_NOT_FOUND) co_return flow.status();
  }
  co_return SharedFlow();
}

Task<absl::StatusOr<SharedFlow>> OpenOrFind(World& world, Header header, NewFlow request) {
  // Only after a rotation of keys is there an id to look for before ours.
  std::vector<FlowId> ids = world.keys.PossibleFlowIds(request.product, request.request_id);
  if (ids.size() > 1) {
    std::vector<FlowId> older(ids.begin() + 1, ids.end());
    absl::StatusOr<SharedFlow> earlier = co_await FindEarlier(world, std::move(older));
    if (!earlier.ok() || *earlier != nullptr) co_return earlier;
  }
  const Entry started = Flow::Start(header);
  const SharedFlow flow = std::make_shared<const Flow>(Flow().With(started));
  Append append = AppendOf(Flow(), *flow, started, "");
  if (header.kind != v1::FLOW_KIND_REAUTHENTICATION) {
    append.invocation = request.invocation;
    if (!header.tracked) {
      append.invocation->Clear();
      append.invocation->set_invocation_id(request.invocation.invocation_id());
      append.invocation->set_do_not_track(true);
    }
  }
  absl::StatusOr<bool> won = co_await world.flows.AppendEntry(std::move(append));
  if (!won.ok()) co_return won.status();
  if (!*won) {
    absl::StatusOr<SharedFlow> there = co_await LoadFlow(world, header.id);
    co_return there;
  }
  world.cache.Put(flow);
  world.observer.OnEntry(Flow(), *flow, started);
  co_return flow;
}

}  // namespace

Task<absl::StatusOr<OpenedFlow>> StartFlow(World& world, NewFlow request) {
  absl::StatusOr<const Product*> product = FindProduct(world, request.product);
  if (!product.ok()) co_return product.status();
  if (!request.redirect_uri.empty() && !(*product)->redirect.Allows(request.redirect_uri)) {
    const std::string listed = (*product)->redirect.Listed();
    co_return Refusal(v1::ERROR_CLASS_REDIRECT_URI_NOT_ALLOWED,
                      absl::StrCat("The product does not allow this redirect URI. It allows: ", listed.substr(0, 300)),
                      {{"redirect_uris", listed}});
  }
  const absl::Time now = world.clock.Now();
  const FlowId id = world.keys.DeriveFlowId(request.product, request.request_id);
  const Header header = HeaderOf(world, **product, request, id, now);

  // Recorded before anything else can fail.
  absl::StatusOr<SharedFlow> opened = co_await OpenOrFind(world, header, request);
  request.ticket.reset();  // a provider that is slow now keeps no other start out
  if (!opened.ok()) co_return opened.status();
  const SharedFlow flow = *std::move(opened);
  absl::Status repeatable = CheckRepeatable(*flow, header, now);
  if (!repeatable.ok()) co_return repeatable;

  AttemptSecrets secrets = world.keys.DeriveAttempt(flow->header.key_name, flow->header.id, flow->attempt);
  AuthorizationRequest authorization{.kind = flow->header.kind,
                                     .redirect_uri = flow->header.redirect_uri,
                                     .state = secrets.state,
                                     .nonce = std::move(secrets.nonce),
                                     .code_verifier = std::move(secrets.code_verifier),
                                     .login_hint = std::move(request.login_hint)};
  absl::StatusOr<Secret> url = co_await (*product)->provider->AuthorizationUrl(std::move(authorization));
  if (!url.ok()) {
    Proposal failed = Finish{Failed{ClassOf(url.status())}};
    absl::StatusOr<Recorded> ended = co_await Record(world, flow->header.id, std::move(failed));
    if (!ended.ok()) co_return ended.status();
    co_return WithMetadata(url.status(), "flow_id", flow->header.id.ToString());
  }
  const bool device_grant = co_await (*product)->provider->OffersDeviceGrant();
  co_return OpenedFlow{.flow = flow,
                       .token = world.keys.MakeFlowToken(flow->header.id),
                       .authorization_url = *std::move(url),
                       .state = std::move(secrets.state),
                       .device_grant = device_grant};
}

}  // namespace authflow
