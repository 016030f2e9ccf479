// What the local directory asks of a memory. Storage implements it.
#ifndef AUTHFLOW_SERVER_APPLICATIONS_APPLICATION_STORE_H_
#define AUTHFLOW_SERVER_APPLICATIONS_APPLICATION_STORE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/applications/directory.h"

namespace authflow {

struct StoredApplication {
  int64_t position = 0;  // order of creation; given by the store
  std::string product;
  std::string owner;
  std::string request;  // fingerprint of the request_id; unique per product and owner
  Application application;
};

// Thread-safe. Errors: STORE_UNAVAILABLE, STORE_FULL.
class ApplicationStore {
 public:
  virtual ~ApplicationStore() = default;
  enum class Added { kNew, kSameRequest, kNameTaken };
  struct AddResult {
    Added added;
    Application application;  // the one that is there now: the new one, or the one of the same request
  };
  // Names are unique per product and owner, by exact match.
  virtual Task<absl::StatusOr<AddResult>> Add(StoredApplication application) = 0;
  // Of that owner, position greater than `after`, in order.
  virtual Task<absl::StatusOr<std::vector<StoredApplication>>> ListAfter(std::string product, std::string owner,
                                                                         int64_t after, int limit) = 0;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_APPLICATIONS_APPLICATION_STORE_H_
