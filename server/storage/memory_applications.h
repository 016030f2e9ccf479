// The applications of products, in memory.
#ifndef AUTHFLOW_SERVER_STORAGE_MEMORY_APPLICATIONS_H_
#define AUTHFLOW_SERVER_STORAGE_MEMORY_APPLICATIONS_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/storage/storage.h"

namespace authflow {

class MemoryApplications final : public ApplicationStore {
 public:
  Task<absl::StatusOr<AddResult>> Add(StoredApplication application) override {
    absl::MutexLock lock(&mutex_);
    auto& owned = applications_[{application.product, application.owner}];
    for (const StoredApplication& other : owned) {
      if (other.request == application.request) co_return AddResult{Added::kSameRequest, other.application};
    }
    for (const StoredApplication& other : owned) {
      if (other.application.name == application.application.name) {
        co_return AddResult{Added::kNameTaken, other.application};
      }
    }
    application.position = ++last_position_;
    application.application.create_time = absl::FromUnixMicros(absl::ToUnixMicros(application.application.create_time));
    owned.push_back(application);
    co_return AddResult{Added::kNew, application.application};
  }

  Task<absl::StatusOr<std::vector<StoredApplication>>> ListAfter(std::string product, std::string owner, int64_t after,
                                                                 int limit) override {
    absl::MutexLock lock(&mutex_);
    std::vector<StoredApplication> list;
    const auto it = applications_.find({product, owner});
    if (it == applications_.end()) co_return list;
    for (const StoredApplication& application : it->second) {
      if (list.size() >= static_cast<size_t>(limit)) break;
      if (application.position > after) list.push_back(application);
    }
    co_return list;
  }

 private:
  absl::Mutex mutex_;
  // By product and owner.
  std::map<std::pair<std::string, std::string>, std::vector<StoredApplication>> applications_ ABSL_GUARDED_BY(mutex_);
  int64_t last_position_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_MEMORY_APPLICATIONS_H_
