// What is read of flows, invocations and the outbox. Each is one statement or more on a reader's connection.
#ifndef AUTHFLOW_SERVER_STORAGE_READS_H_
#define AUTHFLOW_SERVER_STORAGE_READS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/delivery/outbox.h"
#include "server/flow/flow_store.h"
#include "server/storage/sqlite.h"

namespace authflow {

absl::StatusOr<std::vector<Entry>> ReadLog(Database& database, const FlowId& flow_id);
absl::StatusOr<std::vector<LogRow>> ReadLogBefore(Database& database, int64_t position, int limit);
absl::StatusOr<std::vector<FlowId>> ReadDue(Database& database, absl::Time now, int limit);
absl::StatusOr<std::vector<FlowTotals>> ReadFlowTotals(Database& database);
absl::StatusOr<std::optional<InvocationRow>> ReadInvocation(Database& database, const std::string& product,
                                                            const InvocationId& id);
absl::StatusOr<std::vector<OutboxStats>> ReadOutboxStats(Database& database);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_READS_H_
