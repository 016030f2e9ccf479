// Entries of a flow's log as the rows that keep them, and back.
#ifndef AUTHFLOW_SERVER_STORAGE_ENTRY_CODEC_H_
#define AUTHFLOW_SERVER_STORAGE_ENTRY_CODEC_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/flow/flow.h"

namespace authflow {

// On people's disks: never renumber.
enum class EntryKind : int64_t {
  kStarted = 1,
  kAttached = 2,
  kEntered = 3,
  kExchangeBegun = 4,
  kExchanged = 5,
  kCallFailed = 6,
  kCallOk = 7,
  kEnded = 8,
};

struct EncodedEntry {
  int64_t number = 0;
  int64_t time = 0;  // microseconds since 1970
  EntryKind kind = EntryKind::kStarted;
  std::string payload;
};

// Times are cut to whole microseconds.
EncodedEntry Encode(const Entry& entry);
// STORE_UNAVAILABLE: a kind that this version does not know, or a damaged payload.
absl::StatusOr<Entry> Decode(const FlowId& flow_id, const EncodedEntry& encoded);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_ENTRY_CODEC_H_
