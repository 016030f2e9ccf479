// Counts that are written with what they count: see the table of that name.
#ifndef AUTHFLOW_SERVER_STORAGE_TOTALS_H_
#define AUTHFLOW_SERVER_STORAGE_TOTALS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "authflow/v1/flow.pb.h"
#include "server/storage/sqlite.h"

namespace authflow {

inline constexpr char kTotalStarted[] = "started";
inline constexpr char kTotalCompleted[] = "completed";
inline constexpr char kTotalAborted[] = "aborted";
inline constexpr char kTotalFailed[] = "failed";
inline constexpr char kTotalPending[] = "pending";
inline constexpr char kTotalDead[] = "dead";

// Inside of a transaction. `kind` is unspecified for events.
absl::Status AddToTotal(Database& database, const std::string& product, v1::FlowKind kind, const char* name,
                        int64_t count);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_TOTALS_H_
