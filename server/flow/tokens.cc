// RefreshToken and RevokeToken: calls without a flow.

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/flow/record.h"
#include "server/flow/use_cases.h"

namespace authflow {
namespace {

// A provider that could not be had has not used the token up: the next call may try again.
bool SaysNothing(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable || status.code() == absl::StatusCode::kDeadlineExceeded ||
         status.code() == absl::StatusCode::kResourceExhausted;
}

Task<Worked<Tokens>> Refresh(World& world, const Product* product, Secret refresh_token) {
  const absl::Time began = world.clock.Now();
  absl::StatusOr<Tokens> tokens = co_await product->provider->Refresh(std::move(refresh_token));
  world.observer.OnCall(product->id, "refresh", tokens.status(), world.clock.Now() - began);
  const bool keep = !SaysNothing(tokens.status());
  co_return Worked<Tokens>{.answer = std::move(tokens), .keep = keep};
}

}  // namespace

Task<absl::StatusOr<Tokens>> RefreshToken(World& world, std::string product, Secret refresh_token) {
  absl::StatusOr<const Product*> found = FindProduct(world, product);
  if (!found.ok()) co_return found.status();
  // Providers that rotate answer a second refresh of one token by revoking the family: callers share one call.
  std::string key = world.keys.Fingerprint("refresh", absl::StrCat(product, "\n", refresh_token.Reveal()));
  std::function<absl::Time()> now = [clock = &world.clock] { return clock->Now(); };
  std::function<Task<Worked<Tokens>>()> work = [world = &world, product = *found, refresh_token] {
    return Refresh(*world, product, refresh_token);
  };
  absl::StatusOr<Tokens> tokens =
      co_await world.refreshes.JoinOrBegin(std::move(key), &world.executor, std::move(now), std::move(work));
  co_return tokens;
}

Task<absl::StatusOr<bool>> RevokeToken(World& world, std::string product, Tokens tokens,
                                       std::optional<v1::Invocation> invocation) {
  absl::StatusOr<const Product*> found = FindProduct(world, product);
  if (!found.ok()) co_return found.status();
  if (invocation) {
    const Secret& session = tokens.refresh_token.empty() ? tokens.access_token : tokens.refresh_token;
    const std::string fingerprint = world.keys.Fingerprint("logout", absl::StrCat(product, "\n", session.Reveal()));
    Event logout = AuthLogoutEvent(fingerprint, world.clock.Now());
    v1::Invocation base = *std::move(invocation);
    absl::StatusOr<bool> passed =
        co_await world.invocations.Pass(product, std::move(base), Milestone::kLoggedOut, std::move(logout));
    if (!passed.ok()) co_return passed.status();
  }
  const absl::Time began = world.clock.Now();
  const absl::Status revoked = co_await (*found)->provider->Revoke(std::move(tokens));
  world.observer.OnCall(product, "revoke", revoked, world.clock.Now() - began);
  co_return revoked.ok();
}

}  // namespace authflow
