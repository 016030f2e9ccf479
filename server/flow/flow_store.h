// What the rules ask of a memory. Storage implements it; one conformance suite says what it means (tests/conformance).
#ifndef AUTHFLOW_SERVER_FLOW_FLOW_STORE_H_
#define AUTHFLOW_SERVER_FLOW_FLOW_STORE_H_

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "authflow/v1/invocation.pb.h"
#include "server/base/task.h"
#include "server/events/event.h"
#include "server/flow/flow.h"

namespace authflow {

// One entry and all that is committed with it, in one transaction.
struct Append {
  FlowId flow_id;
  std::string product;
  v1::FlowKind kind = v1::FLOW_KIND_UNSPECIFIED;
  InvocationId invocation_id;
  Entry entry;
  std::vector<Event> events;  // numbered next in their invocation, in this order
  // With *started* of a tracked flow: creates the invocation's row unless another call did; the first call's properties
  // hold. With *started* of an opted-out flow: do_not_track is set, and only the id is kept.
  std::optional<v1::Invocation> invocation;
  // With *exchanged*: the invocation's user from now on, and of the events above.
  std::string learned_user_id;
  // With *started*: the row of open_flows is due then.
  absl::Time due_at;
};

// started = completed + aborted + failed + active: the law of conservation.
struct FlowTotals {
  std::string product;
  v1::FlowKind kind = v1::FLOW_KIND_UNSPECIFIED;
  int64_t started = 0;
  int64_t completed = 0;
  int64_t aborted = 0;
  int64_t failed = 0;
  int64_t active = 0;
  bool operator==(const FlowTotals&) const = default;
};

// An entry with its place among those of all flows.
struct LogRow {
  int64_t position = 0;  // greater than that of every entry committed before
  FlowId flow_id;
  Entry entry;
};
inline constexpr int64_t kNewest = std::numeric_limits<int64_t>::max();

// Thread-safe, keeps copies. OK means on disk. Errors: STORE_UNAVAILABLE or STORE_FULL, and nothing was written.
// Events of a flow or invocation whose invocation opted out are dropped, not stored.
class FlowStore {
 public:
  virtual ~FlowStore() = default;

  // True: entry and events are written. False: entry.number was taken, or is not the next one; nothing is written. Of
  // all racing writers of one number exactly one sees true. *ended* takes the flow out of the open flows.
  virtual Task<absl::StatusOr<bool>> AppendEntry(Append append) = 0;

  // The whole log; empty when there is no such flow.
  virtual Task<absl::StatusOr<std::vector<Entry>>> Load(FlowId flow_id) = 0;
  // Entries of all flows at positions below `position` (kNewest: all), the last committed first, `limit` at most.
  // Between flows that is nearly the order of their times; within a flow it is that of their numbers.
  virtual Task<absl::StatusOr<std::vector<LogRow>>> LoadBefore(int64_t position, int limit) = 0;

  // Open flows due at or before `now`, the longest overdue first.
  virtual Task<absl::StatusOr<std::vector<FlowId>>> Due(absl::Time now, int limit) = 0;
  // The open flow is due later. Nothing happens to a flow that is not open.
  virtual Task<absl::Status> Postpone(FlowId flow_id, absl::Time due_at) = 0;
  // All from one snapshot, in the order of products and kinds. Started and the ends are totals that were written with
  // their entries, for all time; active is counted from the open flows, never by subtraction.
  virtual Task<absl::StatusOr<std::vector<FlowTotals>>> CountFlows() = 0;
};

enum class Milestone { kInvoked, kCompleted, kLoggedOut };

struct InvocationRow {
  v1::Invocation base;  // of an opted-out invocation: its id and do_not_track alone
  bool invoked = false;
  bool completed = false;
  bool logged_out = false;
};

// The other half of the funnel: events that no flow causes. The same database, the same guarantees.
class InvocationStore {
 public:
  virtual ~InvocationStore() = default;

  // nullopt: never heard of.
  virtual Task<absl::StatusOr<std::optional<InvocationRow>>> LoadInvocation(std::string product, InvocationId id) = 0;

  // Once per invocation and milestone: true the first time, with the event written; false again, with nothing written.
  // Creates the row from `base` when there is none (kCompleted without a row is false). As for flows, the first call's
  // properties hold, and an opted-out invocation keeps only that the milestone was passed.
  virtual Task<absl::StatusOr<bool>> Pass(std::string product, v1::Invocation base, Milestone milestone,
                                          Event event) = 0;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FLOW_FLOW_STORE_H_
