#include "server/storage/readers.h"

#include "server/base/thread_name.h"

namespace authflow {

Readers::Readers(std::vector<std::unique_ptr<Database>> connections) : connections_(std::move(connections)) {
  for (const auto& connection : connections_) threads_.emplace_back([this, &connection] { Work(*connection); });
}

Readers::~Readers() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

bool Readers::Submit(Job job) {
  absl::MutexLock lock(&mutex_);
  if (queue_.size() >= kMaxQueue) return false;
  queue_.push_back(std::move(job));
  return true;
}

void Readers::Work(Database& database) {
  const ThreadName name("reader");
  while (true) {
    Job job;
    {
      absl::MutexLock lock(&mutex_);
      const auto ready = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stop_ || !queue_.empty(); };
      mutex_.Await(absl::Condition(&ready));
      if (queue_.empty()) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job(database);
  }
}

}  // namespace authflow
