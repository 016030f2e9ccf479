// Events as they are recorded, for who follows them beside the server (authflowd tail).
//
// Delivered events leave the outbox at once, so that looking again and again would miss some. While somebody follows,
// those who deliver keep a copy, without e-mail and name, until everybody who follows has read it: what is recorded is
// in the outbox or among the copies, and never in both. A follower that has not been heard of for a while is forgotten.
#ifndef AUTHFLOW_SERVER_STORAGE_FOLLOWER_H_
#define AUTHFLOW_SERVER_STORAGE_FOLLOWER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authflow/v1/events.pb.h"
#include "server/storage/sqlite.h"

namespace authflow {

struct RecordedEvent {
  int64_t id = 0;  // in the order in which events were recorded
  std::string product;
  v1::FunnelEvent event;  // complete; traits are sealed, or gone
};

// For one thread. Blocks. Errors are sentences for the operator, as in operator.h, or the store's own.
class EventFollower {
 public:
  // Of all that is recorded in the folder from now on. Next says so often that it lives.
  static absl::StatusOr<std::unique_ptr<EventFollower>> Open(const std::string& folder,
                                                             absl::Duration say_alive_every = absl::Seconds(3));
  ~EventFollower();

  struct Batch {
    std::vector<RecordedEvent> events;
    // It was not asked for so long that it was forgotten: events before these may be left out.
    bool forgotten = false;
  };
  // What was recorded since the last call, `limit` at most. To be called every few seconds at least.
  absl::StatusOr<Batch> Next(int limit);

 private:
  EventFollower(std::unique_ptr<Database> database, absl::Duration say_alive_every)
      : database_(std::move(database)), say_alive_every_(say_alive_every) {}
  absl::Status Register();
  // False: it was forgotten.
  absl::StatusOr<bool> SayAlive();

  const std::unique_ptr<Database> database_;
  const absl::Duration say_alive_every_;
  int64_t id_ = 0;
  int64_t last_event_ = 0;
  absl::Time said_alive_;
};

// For who deletes delivered events, in the same transaction and before: keeps them for those who follow, if anybody
// does.
absl::Status KeepForFollowers(Database& database, const std::vector<int64_t>& delivered, int64_t now);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_FOLLOWER_H_
