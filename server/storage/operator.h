// What an operator does with a data folder, beside the server that uses it or without one.
//
// Each call opens the database for itself and blocks. Errors are sentences for the operator (FAILED_PRECONDITION,
// NOT_FOUND, or the store's own).
#ifndef AUTHFLOW_SERVER_STORAGE_OPERATOR_H_
#define AUTHFLOW_SERVER_STORAGE_OPERATOR_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/flow/flow_store.h"

namespace authflow {

// An event that its sink refused, or that follows one in its flow.
struct DeadLetter {
  int64_t id = 0;
  std::string product;
  std::string reason;
  std::string event;  // "CLI Auth Started"
  std::string message_id;
  std::string flow_id;  // empty: a command event
  std::string invocation_id;
  absl::Time time;
};

// Oldest first; `product` empty: of all.
absl::StatusOr<std::vector<DeadLetter>> ListDead(const std::string& folder, const std::string& product, int limit);

// Dead events wait for their sink again, in their old order. `id` 0: all of `product` (empty: of all products); else
// that one and what is dead of the same flow. How many; NOT_FOUND: no dead event has that id. The server looks for them
// within seconds.
absl::StatusOr<int64_t> RetryDead(const std::string& folder, const std::string& product, int64_t id);

// The whole log of a flow, oldest first; NOT_FOUND: there is none.
absl::StatusOr<std::vector<Entry>> ReadFlow(const std::string& folder, const FlowId& flow_id);

// Shows the rows of all flows to `visit`, the last committed first, until it answers false or there are no more. Reads
// `slice` at once: a server beside it is not held up, and what is written meanwhile does not appear.
absl::Status ReadNewestRows(const std::string& folder, const std::function<bool(LogRow)>& visit, int slice = 2000);

// What happens again when the backup is restored: open flows end (those that have ended since, a second time), and
// undelivered events are sent. Each has the messageId that it had.
struct BackupContent {
  int64_t open_flows = 0;
  int64_t undelivered = 0;
  int64_t dead = 0;
};

// A consistent copy as of now, made while the server serves; synced, mode 0600, checked. ALREADY_EXISTS: there is a
// file of that name.
absl::StatusOr<BackupContent> BackUp(const std::string& folder, const std::string& to);
// Puts a backup in place as the folder's database. Refused while a server uses the folder, when it has a database, and
// when the backup is damaged or of a newer version.
absl::StatusOr<BackupContent> RestoreBackup(const std::string& from, const std::string& folder);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_OPERATOR_H_
