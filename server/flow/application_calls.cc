// ListApplications and CreateApplication, inside a flow and outside of one.

#include <utility>

#include "server/flow/record.h"
#include "server/flow/use_cases.h"

namespace authflow {
namespace {

// Who asks, and in which flow if any.
struct Asking {
  const Product* product = nullptr;
  Owner owner;
  std::optional<FlowId> flow;
};

Task<absl::StatusOr<Asking>> InFlow(World& world, Caller caller) {
  absl::StatusOr<SharedFlow> known = co_await FlowOf(world, *caller.flow_token);
  if (!known.ok()) co_return known.status();
  const SharedFlow flow = *std::move(known);
  if (!caller.product.empty() && caller.product != flow->header.product) {
    co_return Refusal(v1::ERROR_CLASS_FLOW_TOKEN_MISMATCH, "This login belongs to another product.");
  }
  absl::StatusOr<const Product*> product = FindProduct(world, flow->header.product);
  if (!product.ok()) co_return product.status();
  // Enters the step, and so refuses a flow that has ended or has not exchanged its code yet.
  Proposal enter = Enter{.step = v1::STEP_APPS_FETCH, .by_server = true};
  absl::StatusOr<Recorded> entered = co_await Record(world, flow->header.id, std::move(enter), "", flow);
  if (!entered.ok()) co_return entered.status();
  co_return Asking{.product = *product,
                   .owner = Owner{.digest = entered->flow->owner, .access_token = std::move(caller.access_token)},
                   .flow = entered->flow->header.id};
}

Task<absl::StatusOr<Asking>> OutsideFlow(World& world, Caller caller) {
  absl::StatusOr<const Product*> product = FindProduct(world, caller.product);
  if (!product.ok()) co_return product.status();
  if (caller.access_token.empty()) {
    co_return Refusal(v1::ERROR_CLASS_ACCESS_TOKEN_REFUSED, "An access token is needed outside of a login.");
  }
  Secret access_token = caller.access_token;
  absl::StatusOr<std::string> user = co_await (*product)->provider->OwnerOf(std::move(access_token));
  if (!user.ok()) co_return user.status();
  co_return Asking{
      .product = *product,
      .owner = Owner{.digest = OwnerDigest(caller.product, *user), .access_token = std::move(caller.access_token)},
      .flow = std::nullopt};
}

Task<absl::StatusOr<Asking>> WhoAsks(World& world, Caller caller) {
  const bool in_flow = caller.flow_token.has_value();
  if (in_flow) {
    absl::StatusOr<Asking> asking = co_await InFlow(world, std::move(caller));
    co_return asking;
  }
  absl::StatusOr<Asking> asking = co_await OutsideFlow(world, std::move(caller));
  co_return asking;
}

// Writes down in the flow's log how the call went; what the log says about it changes no answer.
Task<void> Note(World& world, std::optional<FlowId> flow, absl::Status result) {
  const ErrorClass error_class = ClassOf(result);
  // No directory is no failure: the login ends after the exchange.
  if (!flow || error_class == v1::ERROR_CLASS_APPLICATIONS_NOT_CONFIGURED) co_return;
  // News only after a trouble, and the log as it was when this call began is in the cache.
  const SharedFlow known = world.cache.Get(*flow);
  if (result.ok() && known != nullptr && !known->trouble) co_return;
  Proposal proposal = Succeed{};
  if (!result.ok()) proposal = Fail{error_class};
  absl::StatusOr<Recorded> recorded = co_await Record(world, *flow, std::move(proposal));
}

}  // namespace

Task<absl::StatusOr<ApplicationPage>> ListApplications(World& world, Caller caller, int page_size,
                                                       std::string page_token) {
  absl::StatusOr<Asking> asking = co_await WhoAsks(world, std::move(caller));
  if (!asking.ok()) co_return asking.status();
  const absl::Time began = world.clock.Now();
  absl::StatusOr<ApplicationPage> page =
      co_await asking->product->applications->List(std::move(asking->owner), page_size, std::move(page_token));
  world.observer.OnCall(asking->product->id, "list", page.status(), world.clock.Now() - began);
  absl::Status result = page.status();
  co_await Note(world, asking->flow, std::move(result));
  co_return page;
}

Task<absl::StatusOr<Application>> CreateApplication(World& world, Caller caller, NewApplication application) {
  absl::StatusOr<Asking> asking = co_await WhoAsks(world, std::move(caller));
  if (!asking.ok()) co_return asking.status();
  const absl::Time began = world.clock.Now();
  absl::StatusOr<Application> created =
      co_await asking->product->applications->Create(std::move(asking->owner), std::move(application));
  world.observer.OnCall(asking->product->id, "create", created.status(), world.clock.Now() - began);
  absl::Status result = created.status();
  co_await Note(world, asking->flow, std::move(result));
  co_return created;
}

}  // namespace authflow
