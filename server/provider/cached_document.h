// A document of the provider that is fetched once for all, and again when it is old.
#ifndef AUTHFLOW_SERVER_PROVIDER_CACHED_DOCUMENT_H_
#define AUTHFLOW_SERVER_PROVIDER_CACHED_DOCUMENT_H_

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/task.h"

namespace authflow {

// Thread-safe. Concurrent callers share one fetch, which goes on when a caller goes away.
template <typename T>
class CachedDocument : public std::enable_shared_from_this<CachedDocument<T>> {
 public:
  using Document = std::shared_ptr<const T>;
  using Answer = absl::StatusOr<Document>;
  // Fetches within `timeout`.
  using Fetch = std::function<Task<absl::StatusOr<T>>(absl::Duration timeout)>;

  // `clock` outlives it.
  CachedDocument(Fetch fetch, const Clock& clock) : fetch_(std::move(fetch)), clock_(clock) {}

  // The document. Older than an hour: the same, and a new one is fetched in the background, a minute after a failure at
  // the soonest. None, or older than a day: what a fetch answers.
  Task<Answer> Get(absl::Duration timeout) {
    auto self = this->shared_from_this();
    Executor executor = co_await boost::asio::this_coro::executor;
    const absl::Time now = self->clock_.Now();
    Document document;
    absl::Time seen;
    bool refresh = false;
    {
      absl::MutexLock lock(&self->mutex_);
      seen = self->fetched_;
      if (self->document_ != nullptr && now - self->fetched_ < kUsable) document = self->document_;
      refresh = document != nullptr && now - self->fetched_ >= kFresh && !self->fetching_ && now >= self->next_refresh_;
      if (refresh) self->fetching_ = true;
    }
    if (refresh) boost::asio::co_spawn(executor, Run(self, timeout), boost::asio::detached);
    if (document != nullptr) co_return document;
    co_return co_await Join(self, executor, timeout, seen);
  }

  // For who misses something in the document: fetches it again, but not within 10 s of the last time somebody did; then
  // the document as it is.
  Task<Answer> GetNewer(absl::Duration timeout) {
    auto self = this->shared_from_this();
    Executor executor = co_await boost::asio::this_coro::executor;
    const absl::Time now = self->clock_.Now();
    Document document;
    absl::Time seen;
    {
      absl::MutexLock lock(&self->mutex_);
      seen = self->fetched_;
      if (now - self->asked_newer_ < kBetweenNewer && !self->fetching_) document = self->document_;
      if (document == nullptr) self->asked_newer_ = now;
    }
    if (document != nullptr) co_return document;
    Answer newer = co_await Join(self, executor, timeout, seen);
    co_return newer;
  }

 private:
  static constexpr absl::Duration kFresh = absl::Hours(1);
  static constexpr absl::Duration kUsable = absl::Hours(24);
  static constexpr absl::Duration kAfterFailure = absl::Minutes(1);
  static constexpr absl::Duration kBetweenNewer = absl::Seconds(10);

  // What the fetch under way answers, or brought since the document of `seen` was looked at; begins one if there is
  // neither.
  static Task<Answer> Join(std::shared_ptr<CachedDocument> self, Executor executor, absl::Duration timeout,
                           absl::Time seen) {
    auto start = [self, executor, timeout, seen](Done<Answer> done) {
      Document newer;
      bool begin = false;
      {
        absl::MutexLock lock(&self->mutex_);
        if (!self->fetching_ && self->fetched_ > seen) {
          newer = self->document_;
        } else {
          self->waiting_.push_back(std::move(done));
          begin = !self->fetching_;
          self->fetching_ = true;
        }
      }
      if (newer != nullptr) done(newer);
      if (begin) boost::asio::co_spawn(executor, Run(self, timeout), boost::asio::detached);
    };
    co_return co_await Await<Answer>(std::move(start));
  }

  static Task<void> Run(std::shared_ptr<CachedDocument> self, absl::Duration timeout) {
    absl::StatusOr<T> fetched = absl::UnavailableError("the fetch was broken off");
    try {
      fetched = co_await self->fetch_(timeout);
    } catch (...) {
      fetched = absl::InternalError("exception");
    }
    Answer answer = Document();
    if (fetched.ok()) {
      answer = std::make_shared<const T>(*std::move(fetched));
    } else {
      answer = fetched.status();
    }
    const absl::Time now = self->clock_.Now();
    std::vector<Done<Answer>> waiting;
    {
      absl::MutexLock lock(&self->mutex_);
      self->fetching_ = false;
      if (answer.ok()) {
        self->document_ = *answer;
        self->fetched_ = now;
      } else {
        self->next_refresh_ = now + kAfterFailure;
      }
      waiting.swap(self->waiting_);
    }
    for (auto& done : waiting) done(answer);
  }

  const Fetch fetch_;
  const Clock& clock_;
  absl::Mutex mutex_;
  Document document_ ABSL_GUARDED_BY(mutex_);
  absl::Time fetched_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time next_refresh_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time asked_newer_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  bool fetching_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Done<Answer>> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_CACHED_DOCUMENT_H_
