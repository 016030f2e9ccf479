#include "server/process/stoppable_http.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "absl/synchronization/notification.h"

namespace authflow {
namespace {

absl::Status Stopping() { return absl::UnavailableError("the server is stopping"); }

}  // namespace

StoppableHttp::StoppableHttp(std::unique_ptr<HttpClient> inner, Executor executor)
    : inner_(std::move(inner)), strand_(boost::asio::make_strand(std::move(executor))) {}

StoppableHttp::~StoppableHttp() { Stop(); }

Task<absl::StatusOr<HttpResponse>> StoppableHttp::Send(HttpRequest request) {
  auto shared = std::make_shared<HttpRequest>(std::move(request));
  auto start = [this, shared](Done<Answer> done) { Begin(std::move(*shared), std::move(done)); };
  co_return co_await Await<Answer>(std::move(start));
}

void StoppableHttp::Begin(HttpRequest request, Done<Answer> done) {
  uint64_t id = 0;
  {
    absl::MutexLock lock(&mutex_);
    if (!stopped_) {
      id = ++next_;
      waiting_.emplace(id, std::move(done));
      nursery_.Enter();
    }
  }
  if (id == 0) return done(Stopping());
  auto task = Forward(this, id, std::move(request));
  boost::asio::co_spawn(strand_, std::move(task), [this, id](std::exception_ptr exception) {
    if (exception) Finish(id, absl::InternalError("an exception ended an HTTP request"));
    nursery_.Leave();
  });
}

Task<void> StoppableHttp::Forward(StoppableHttp* self, uint64_t id, HttpRequest request) {
  if (self->stopped()) co_return;
  Answer answer = co_await self->inner_->Send(std::move(request));
  self->Finish(id, std::move(answer));
}

bool StoppableHttp::stopped() {
  absl::MutexLock lock(&mutex_);
  return stopped_;
}

void StoppableHttp::Finish(uint64_t id, Answer answer) {
  Done<Answer> done;
  {
    absl::MutexLock lock(&mutex_);
    const auto it = waiting_.find(id);
    if (it == waiting_.end()) return;
    done = std::move(it->second);
    waiting_.erase(it);
  }
  done(std::move(answer));
}

void StoppableHttp::Stop() {
  absl::flat_hash_map<uint64_t, Done<Answer>> waiting;
  {
    absl::MutexLock lock(&mutex_);
    if (stopped_) return;
    stopped_ = true;
    waiting.swap(waiting_);
  }
  for (auto& [id, done] : waiting) done(Stopping());
  // What began on the strand before this has reached the other client; what comes after sees that we have stopped.
  absl::Notification passed;
  boost::asio::post(strand_, [&passed]() { passed.Notify(); });
  passed.WaitForNotification();
  inner_ = nullptr;
  nursery_.WaitUntilEmpty(absl::InfiniteDuration());
}

}  // namespace authflow
