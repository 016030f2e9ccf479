// ApplicationStore::Add, and reading applications.
#ifndef AUTHFLOW_SERVER_STORAGE_APPLICATION_WRITES_H_
#define AUTHFLOW_SERVER_STORAGE_APPLICATION_WRITES_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/applications/application_store.h"
#include "server/base/task.h"
#include "server/storage/writer.h"

namespace authflow {

class AddApplicationWrite final : public Write {
 public:
  using Answer = absl::StatusOr<ApplicationStore::AddResult>;
  AddApplicationWrite(StoredApplication application, Done<Answer> done)
      : application_(std::move(application)), done_(std::move(done)) {}

  absl::Status Apply(Database& database, int64_t now) override;
  void Finish(const absl::Status& status) override;

 private:
  const StoredApplication application_;
  const Done<Answer> done_;
  ApplicationStore::AddResult result_;
};

absl::StatusOr<std::vector<StoredApplication>> ReadApplications(Database& database, const std::string& product,
                                                                const std::string& owner, int64_t after, int limit);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_APPLICATION_WRITES_H_
