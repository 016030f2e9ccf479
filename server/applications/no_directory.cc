#include "server/applications/no_directory.h"

#include "server/base/error_class.h"

namespace authflow {
namespace {

absl::Status NotConfigured() {
  return Refusal(v1::ERROR_CLASS_APPLICATIONS_NOT_CONFIGURED, "This product has no application directory.");
}

class NoDirectory final : public ApplicationDirectory {
 public:
  Task<absl::StatusOr<ApplicationPage>> List(Owner, int, std::string) override { co_return NotConfigured(); }
  Task<absl::StatusOr<Application>> Create(Owner, NewApplication) override { co_return NotConfigured(); }
};

}  // namespace

std::unique_ptr<ApplicationDirectory> NewNoDirectory() { return std::make_unique<NoDirectory>(); }

}  // namespace authflow
