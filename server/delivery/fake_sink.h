// A sink for tests: takes messages, answers as told, hangs as told.
#ifndef AUTHFLOW_SERVER_DELIVERY_FAKE_SINK_H_
#define AUTHFLOW_SERVER_DELIVERY_FAKE_SINK_H_

#include <deque>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/delivery/sink.h"

namespace authflow {

// Thread-safe. A request is remembered when it arrives, whatever its answer will be. Waits end after 20 s with false.
class FakeSink final : public Sink {
 public:
  using Batch = std::vector<std::string>;  // messageIds

  const char* kind() const override { return "fake"; }
  absl::Duration timeout() const override { return absl::Seconds(30); }

  Task<Delivery> Deliver(std::vector<std::string> messages) override {
    auto start = [this, messages = std::move(messages)](Done<Delivery> done) { Arrive(messages, std::move(done)); };
    co_return co_await Await<Delivery>(std::move(start));
  }

  // The answers to the next requests, in order; then all are delivered.
  void Script(std::vector<Delivery> answers) {
    absl::MutexLock lock(&mutex_);
    script_.insert(script_.end(), answers.begin(), answers.end());
  }
  // Requests that hold one of these are refused with the status.
  void Refuse(std::set<std::string> message_ids, std::string status) {
    absl::MutexLock lock(&mutex_);
    refused_ = std::move(message_ids);
    refusal_ = std::move(status);
  }
  // From now on requests hang until Release.
  void Hang() {
    absl::MutexLock lock(&mutex_);
    hanging_ = true;
  }
  // Those that hang go on to; later ones are answered.
  void HangNoMore() {
    absl::MutexLock lock(&mutex_);
    hanging_ = false;
  }
  void Release() {
    std::vector<std::pair<Delivery, Done<Delivery>>> held;
    {
      absl::MutexLock lock(&mutex_);
      hanging_ = false;
      held.swap(held_);
    }
    for (auto& [delivery, done] : held) done(delivery);
  }

  bool WaitForRequests(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto there = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return requests_.size() >= count; };
    return mutex_.AwaitWithTimeout(absl::Condition(&there), absl::Seconds(20));
  }
  std::vector<Batch> requests() {
    absl::MutexLock lock(&mutex_);
    return requests_;
  }
  // The messageIds of all requests that were answered with "delivered", in order.
  Batch delivered() {
    absl::MutexLock lock(&mutex_);
    return delivered_;
  }

 private:
  Delivery Answer(const Batch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Delivery delivery;
    if (!script_.empty()) {
      delivery = script_.front();
      script_.pop_front();
      return delivery;
    }
    delivery.result = Delivery::Result::kDelivered;
    for (const auto& id : batch) {
      if (refused_.contains(id)) {
        delivery.result = Delivery::Result::kRefused;
        delivery.reason = refusal_;
      }
    }
    return delivery;
  }

  void Arrive(const std::vector<std::string>& messages, Done<Delivery> done) {
    Batch batch;
    for (const auto& message : messages) batch.push_back(nlohmann::json::parse(message)["messageId"]);
    Delivery delivery;
    {
      absl::MutexLock lock(&mutex_);
      requests_.push_back(batch);
      delivery = Answer(batch);
      if (delivery.result == Delivery::Result::kDelivered) {
        delivered_.insert(delivered_.end(), batch.begin(), batch.end());
      }
      if (hanging_) {
        held_.emplace_back(delivery, std::move(done));
        return;
      }
    }
    done(delivery);
  }

  absl::Mutex mutex_;
  std::deque<Delivery> script_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> refused_ ABSL_GUARDED_BY(mutex_);
  std::string refusal_ ABSL_GUARDED_BY(mutex_);
  bool hanging_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::pair<Delivery, Done<Delivery>>> held_ ABSL_GUARDED_BY(mutex_);
  std::vector<Batch> requests_ ABSL_GUARDED_BY(mutex_);
  Batch delivered_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_DELIVERY_FAKE_SINK_H_
