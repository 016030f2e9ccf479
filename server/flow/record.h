// The one loop through which every change of a flow goes: look, ask the rules, append; again when somebody else was
// first.
#ifndef AUTHFLOW_SERVER_FLOW_RECORD_H_
#define AUTHFLOW_SERVER_FLOW_RECORD_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/flow/use_cases.h"

namespace authflow {

struct Recorded {
  SharedFlow flow;     // as it is now
  bool wrote = false;  // false: it was so already
};

// Proposes, with the e-mail and name of whoever *exchanged* recognises (sealed already; empty: unknown). `cached`: the
// flow, of a caller that has just had it from the cache.
Task<absl::StatusOr<Recorded>> Record(World& world, FlowId id, Proposal proposal, std::string sealed_traits = "",
                                      SharedFlow cached = nullptr);

// The flow from the store; FLOW_NOT_FOUND.
Task<absl::StatusOr<SharedFlow>> LoadFlow(World& world, FlowId id);

// The flow of the token, from the cache if it is there: for proposals alone. FLOW_NOT_FOUND.
Task<absl::StatusOr<SharedFlow>> FlowOf(World& world, FlowToken token);

// What is committed with an entry, which made `after` of `before`. Pure.
Append AppendOf(const Flow& before, const Flow& after, const Entry& entry, const std::string& sealed_traits);

// UNKNOWN_PRODUCT. The pointer lives as long as the world.
absl::StatusOr<const Product*> FindProduct(const World& world, const std::string& id);

// The provider has answered an exchange that was begun: writes down who it is. A flow that ended meanwhile keeps its
// end, and the tokens are given back.
Task<absl::StatusOr<SignedIn>> RecogniseOrRevoke(World& world, SharedFlow flow, const Product* product,
                                                 SignedIn signed_in);

// Under which key an exchange is shared.
std::string ExchangeKey(const FlowId& id, const std::string& code_fingerprint);

// Who owns what a user lists and creates: a digest, so that a flow whose user opted out stores no user id.
std::string OwnerDigest(const std::string& product, const std::string& user_id);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FLOW_RECORD_H_
