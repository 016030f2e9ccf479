// Easy handles between two requests.
#ifndef AUTHFLOW_SERVER_BASE_HTTP_CURL_HANDLES_H_
#define AUTHFLOW_SERVER_BASE_HTTP_CURL_HANDLES_H_

#include <curl/curl.h>

#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace authflow {

// Keeps some for their next request, with the buffers that curl made for them. What was received last stays in such a
// buffer, in memory alone, until the next answer. Thread-safe.
class CurlHandles {
 public:
  CurlHandles() = default;
  CurlHandles(const CurlHandles&) = delete;
  CurlHandles& operator=(const CurlHandles&) = delete;
  ~CurlHandles() {
    for (CURL* const handle : kept_) curl_easy_cleanup(handle);
  }

  // With no option set. Null: no memory.
  CURL* Take() {
    {
      absl::MutexLock lock(&mutex_);
      if (!kept_.empty()) {
        CURL* const handle = kept_.back();
        kept_.pop_back();
        return handle;
      }
    }
    return curl_easy_init();
  }

  void Give(CURL* handle) {
    curl_easy_reset(handle);
    {
      absl::MutexLock lock(&mutex_);
      if (kept_.size() < kMost) {
        kept_.push_back(handle);
        return;
      }
    }
    curl_easy_cleanup(handle);
  }

 private:
  static constexpr size_t kMost = 128;  // of some 15 KB

  absl::Mutex mutex_;
  std::vector<CURL*> kept_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_HTTP_CURL_HANDLES_H_
