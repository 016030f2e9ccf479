#include "server/delivery/file_sink.h"

#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/base/thread_name.h"
#include "server/delivery/json_lines_file.h"

namespace authflow {
namespace {

class FileSink final : public Sink {
 public:
  explicit FileSink(std::string path) : file_(std::move(path)), thread_([this] { Run(); }) {}

  ~FileSink() override {
    {
      absl::MutexLock lock(&mutex_);
      ending_ = true;
    }
    thread_.join();
  }

  const char* kind() const override { return "file"; }
  // A disk that takes longer than this is broken; a batch that is written all the same is then written twice.
  absl::Duration timeout() const override { return absl::Seconds(30); }

  Task<Delivery> Deliver(std::vector<std::string> messages) override {
    std::string lines;
    for (const std::string& message : messages) {
      lines += message;
      lines += '\n';
    }
    auto start = [this, lines = std::move(lines)](Done<Delivery> done) mutable {
      absl::MutexLock lock(&mutex_);
      queue_.push_back({.lines = std::move(lines), .done = std::move(done)});
    };
    co_return co_await Await<Delivery>(std::move(start));
  }

 private:
  struct Job {
    std::string lines;
    Done<Delivery> done;
  };

  void Run() {
    const ThreadName name("file sink");
    while (true) {
      std::vector<Job> jobs;
      {
        absl::MutexLock lock(&mutex_);
        mutex_.Await(absl::Condition(this, &FileSink::HasWork));
        jobs.swap(queue_);
        if (jobs.empty()) return;  // the end, with nothing left
      }
      std::string lines;
      for (const Job& job : jobs) lines += job.lines;
      const Delivery delivery = file_.Append(lines);
      for (const Job& job : jobs) job.done(delivery);
    }
  }

  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return ending_ || !queue_.empty(); }

  JsonLinesFile file_;  // of the thread
  absl::Mutex mutex_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Job> queue_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace

std::shared_ptr<Sink> NewFileSink(std::string path) { return std::make_shared<FileSink>(std::move(path)); }

}  // namespace authflow
