// The application directory of one product: where a user's applications are.
#ifndef AUTHFLOW_SERVER_APPLICATIONS_DIRECTORY_H_
#define AUTHFLOW_SERVER_APPLICATIONS_DIRECTORY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/secret.h"
#include "server/base/task.h"
#include "server/base/uuid.h"

namespace authflow {

struct Application {
  std::string id;
  std::string name;
  std::string region;
  absl::Time create_time;
};

struct ApplicationPage {
  std::vector<Application> applications;  // oldest first
  std::string next_page_token;            // empty on the last page
  std::vector<std::string> regions;       // where this user may create one, best first
};

// Who asks: the proved owner (a digest, see Exchanged in flow/flow.h) and the token that proved it, for a backend.
struct Owner {
  std::string digest;
  Secret access_token;
};

struct NewApplication {
  Uuid request_id;
  std::string name;
  std::string region;  // empty: the first offered
};

// Thread-safe.
class ApplicationDirectory {
 public:
  virtual ~ApplicationDirectory() = default;
  // PAGE_TOKEN_INVALID, APPLICATIONS_NOT_CONFIGURED, STORE_*.
  virtual Task<absl::StatusOr<ApplicationPage>> List(Owner owner, int page_size, std::string page_token) = 0;
  // The same request_id again: the application made first. APPLICATION_NAME_INVALID, APPLICATION_NAME_TAKEN,
  // REGION_NOT_OFFERED, REQUEST_ID_REUSED, APPLICATIONS_NOT_CONFIGURED, STORE_*.
  virtual Task<absl::StatusOr<Application>> Create(Owner owner, NewApplication application) = 0;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_APPLICATIONS_DIRECTORY_H_
