// One curl multi handle with the thread that drives it.
#ifndef AUTHFLOW_SERVER_BASE_HTTP_CURL_LOOP_H_
#define AUTHFLOW_SERVER_BASE_HTTP_CURL_LOOP_H_

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/http/curl_transfer.h"

namespace authflow {

class CurlLoop {
 public:
  CurlLoop();
  ~CurlLoop();
  CurlLoop(const CurlLoop&) = delete;
  CurlLoop& operator=(const CurlLoop&) = delete;

  // Thread-safe. The transfer calls back on the loop's thread, where its coroutine goes on if it is eager.
  void Add(std::shared_ptr<CurlTransfer> transfer);
  // Abandons what is under way, and at once what is added later. Joins. Of one thread.
  void Stop();

 private:
  void Run();
  void WaitAndAct();
  void Begin(std::shared_ptr<CurlTransfer> transfer);
  void FinishThoseDone();
  std::vector<std::shared_ptr<CurlTransfer>> TakeQueued(bool& stopping);

  static int OnSocket(CURL* easy, curl_socket_t socket, int what, void* self, void* known);
  static int OnTimer(CURLM* multi, long millis, void* self);

  CURLM* const multi_;
  const int epoll_;
  const int wakeup_;
  // Of the loop's thread alone.
  std::optional<int64_t> timer_;  // when curl wants to be called, in milliseconds of the monotonic clock
  absl::flat_hash_map<CURL*, std::shared_ptr<CurlTransfer>> active_;

  absl::Mutex mutex_;
  std::vector<std::shared_ptr<CurlTransfer>> queued_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_HTTP_CURL_LOOP_H_
