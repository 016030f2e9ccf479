// An HTTP client that can be told to stop while callers still hold it.
#ifndef AUTHFLOW_SERVER_PROCESS_STOPPABLE_HTTP_H_
#define AUTHFLOW_SERVER_PROCESS_STOPPABLE_HTTP_H_

#include <boost/asio/strand.hpp>
#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "server/base/http/http_client.h"
#include "server/flow/detached.h"

namespace authflow {

// Passes requests on to another client until Stop. Thread-safe. Outlives its callers; `executor` outlives it.
class StoppableHttp final : public HttpClient {
 public:
  StoppableHttp(std::unique_ptr<HttpClient> inner, Executor executor);
  ~StoppableHttp() override;

  Task<absl::StatusOr<HttpResponse>> Send(HttpRequest request) override;

  // Who waits now, and who comes later, gets UNAVAILABLE at once. Then the other client is destroyed. Blocks, but not
  // for long: not for the executor's threads. Again: nothing happens.
  void Stop();

 private:
  using Answer = absl::StatusOr<HttpResponse>;

  void Begin(HttpRequest request, Done<Answer> done);
  void Finish(uint64_t id, Answer answer);
  static Task<void> Forward(StoppableHttp* self, uint64_t id, HttpRequest request);
  bool stopped();

  std::unique_ptr<HttpClient> inner_;
  // Requests reach the other client on this strand alone, so that Stop can wait until none is on its way there.
  const boost::asio::strand<Executor> strand_;
  Nursery nursery_;
  absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<uint64_t, Done<Answer>> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_STOPPABLE_HTTP_H_
