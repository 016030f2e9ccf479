#include "server/flow/record.h"

#include <openssl/sha.h>

#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace authflow {
namespace {

std::vector<Event> EndEvents(const Flow& before, const Outcome& outcome, absl::Time time) {
  const Header& header = before.header;
  const absl::Duration duration = time - header.start;
  if (std::holds_alternative<Completed>(outcome)) {
    return {AuthCompletedEvent(header.id, header.kind, duration, time)};
  }
  if (const auto* aborted = std::get_if<Aborted>(&outcome)) {
    return {AuthAbortedEvent(header.id, header.kind, before.step, aborted->reason, time)};
  }
  return {AuthFailedEvent(header.id, header.kind, before.step, duration, std::get<Failed>(outcome).error_class, time)};
}

}  // namespace

Append AppendOf(const Flow& before, const Flow& after, const Entry& entry, const std::string& sealed_traits) {
  const Header& header = after.header;
  Append append{.flow_id = header.id,
                .product = header.product,
                .kind = header.kind,
                .invocation_id = header.invocation,
                .entry = entry,
                .events = {},
                .invocation = std::nullopt,
                .learned_user_id = "",
                .due_at = after.DueAt()};
  if (!header.emits_events()) return append;
  if (std::holds_alternative<Started>(entry.what)) {
    append.events = {AuthStartedEvent(header.id, header.kind, header.no_browser, entry.time)};
  } else if (const auto* exchanged = std::get_if<Exchanged>(&entry.what)) {
    append.learned_user_id = exchanged->user_id;
    // A later attempt of the same person tells nothing new.
    if (exchanged->user_id != header.claimed_user_id && exchanged->user_id != before.user_id) {
      append.events = {IdentifyEvent(header.id, entry.number, sealed_traits, entry.time)};
    }
  } else if (const auto* ended = std::get_if<Ended>(&entry.what)) {
    append.events = EndEvents(before, ended->outcome, entry.time);
  }
  return append;
}

Task<absl::StatusOr<SharedFlow>> LoadFlow(World& world, FlowId id) {
  absl::StatusOr<std::vector<Entry>> log = co_await world.flows.Load(id);
  if (!log.ok()) co_return log.status();
  if (log->empty()) {
    co_return Refusal(v1::ERROR_CLASS_FLOW_NOT_FOUND, "This login is no longer known here. Start it again.");
  }
  absl::StatusOr<Flow> flow = Flow::FromLog(*log);
  if (!flow.ok()) {
    co_return Refusal(v1::ERROR_CLASS_STORE_UNAVAILABLE, "The record of this login cannot be read. Start it again.");
  }
  SharedFlow shared = std::make_shared<const Flow>(*std::move(flow));
  world.cache.Put(shared);
  co_return shared;
}

Task<absl::StatusOr<Recorded>> Record(World& world, FlowId id, Proposal proposal, std::string sealed_traits,
                                      SharedFlow cached) {
  SharedFlow flow = cached != nullptr ? std::move(cached) : world.cache.Get(id);
  bool fresh = false;
  while (true) {
    if (flow == nullptr) {
      absl::StatusOr<SharedFlow> loaded = co_await LoadFlow(world, id);
      if (!loaded.ok()) co_return loaded.status();
      flow = *std::move(loaded);
      fresh = true;
    }
    absl::StatusOr<std::optional<Entry>> next = flow->Next(proposal, world.clock.Now());
    const bool accepted = next.ok() && next->has_value();
    if (!accepted) {
      // Another replica may have moved on: an answer without a write does not come from the cache, unless it is final.
      if (!fresh && !flow->outcome) {
        flow.reset();
        continue;
      }
      if (!next.ok()) co_return next.status();
      co_return Recorded{.flow = std::move(flow), .wrote = false};
    }
    const Entry& entry = **next;
    const SharedFlow after = std::make_shared<const Flow>(flow->With(entry));
    Append append = AppendOf(*flow, *after, entry, sealed_traits);
    absl::StatusOr<bool> won = co_await world.flows.AppendEntry(std::move(append));
    if (!won.ok()) co_return won.status();
    if (*won) {
      world.cache.Put(after);
      world.observer.OnEntry(*flow, *after, entry);
      world.watches.Publish(after);
      co_return Recorded{.flow = after, .wrote = true};
    }
    // The winner has left its version in the cache, unless it is another replica's.
    SharedFlow winner = world.cache.Get(id);
    const bool newer = winner != nullptr && winner->length > flow->length;
    flow = newer ? std::move(winner) : nullptr;
    fresh = false;
  }
}

Task<absl::StatusOr<SharedFlow>> FlowOf(World& world, FlowToken token) {
  if (SharedFlow cached = world.cache.Get(token.flow_id()); cached != nullptr) co_return cached;
  absl::StatusOr<SharedFlow> loaded = co_await LoadFlow(world, token.flow_id());
  co_return loaded;
}

absl::StatusOr<const Product*> FindProduct(const World& world, const std::string& id) {
  const auto it = world.products.find(id);
  if (it == world.products.end()) {
    return Refusal(v1::ERROR_CLASS_UNKNOWN_PRODUCT, "This server does not serve that product.");
  }
  return &it->second;
}

std::string OwnerDigest(const std::string& product, const std::string& user_id) {
  const std::string input = absl::StrCat("authflow owner\n", product, "\n", user_id);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(input.data()), input.size(), reinterpret_cast<uint8_t*>(digest.data()));
  return absl::BytesToHexString(digest);
}

}  // namespace authflow
