// One product's part of the delivery loop. See delivery.h.
#ifndef AUTHFLOW_SERVER_DELIVERY_PRODUCT_DELIVERY_H_
#define AUTHFLOW_SERVER_DELIVERY_PRODUCT_DELIVERY_H_

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/delivery/batch.h"
#include "server/delivery/delivery.h"

namespace authflow {

// Counts frames. Thread-safe.
class Living {
 public:
  void Enter() {
    absl::MutexLock lock(&mutex_);
    ++count_;
  }
  void Leave() {
    absl::MutexLock lock(&mutex_);
    --count_;
  }
  // False when the time is up first.
  bool WaitUntilNone(absl::Duration at_most) {
    absl::MutexLock lock(&mutex_);
    const auto none = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return count_ == 0; };
    return mutex_.AwaitWithTimeout(absl::Condition(&none), at_most);
  }

 private:
  absl::Mutex mutex_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
};

// A dispatcher that claims lanes, and one frame for each lane in flight; all on one strand, which guards all members.
// Frames own the object.
class ProductDelivery : public std::enable_shared_from_this<ProductDelivery> {
 public:
  struct Parts {
    std::string product;
    std::string holder;
    Outbox& outbox;
    const Clock& clock;
    const Keys& keys;
    std::shared_ptr<Sink> sink;
    DeliveryObserver* observer;  // may be null
    Executor executor;
    DeliveryOptions options;
    std::shared_ptr<Living> living;     // the dispatcher and the lanes in flight
    std::shared_ptr<Living> giving_up;  // leases that are being ended
  };
  explicit ProductDelivery(Parts parts);

  const std::string& name() const { return parts_.product; }

  // From any thread.
  void Start();
  void Wake();
  void Stop();    // claims nothing more
  void GiveUp();  // after Stop: ends the leases of what is in flight; counted by `giving_up`

 private:
  using Timer = boost::asio::steady_timer;
  enum class Claimed { kLane, kFullLane, kNothing, kFailed };

  // A claimed lane on its way.
  struct Flight {
    Flight(Executor executor, Lane lane) : lane(std::move(lane)), timer(std::move(executor)) {}
    const Lane lane;
    std::vector<OutboxEvent> events;
    absl::Time lease_end;
    std::vector<int64_t> delivered;
    std::vector<DeadEvent> dead;
    absl::Time not_before;
    bool given_up = false;
    Timer timer;
  };
  // What is known of a lane that has trouble.
  struct Trouble {
    int failures = 0;        // in a row
    bool isolating = false;  // its last batch was refused: one by one until that is through
  };
  // Ends a flight however its frame ends.
  struct Landing;

  static Task<void> Dispatch(std::shared_ptr<ProductDelivery> self);
  static Task<void> Fly(std::shared_ptr<ProductDelivery> self, std::shared_ptr<Flight> flight);
  static Task<void> EndLease(std::shared_ptr<ProductDelivery> self, Lane lane);

  Task<Claimed> ClaimOne();
  // Sends the letters and fills in the flight's result. The answer that it ended with.
  Task<Delivery> SendTogether(std::shared_ptr<Flight> flight, std::vector<Letter> letters);
  Task<Delivery> SendOneByOne(std::shared_ptr<Flight> flight, std::vector<Letter> letters);
  // `last_word`: a refusal makes dead letters.
  Task<Delivery> Ask(std::vector<std::string> messages, bool last_word);
  Task<void> Settle(std::shared_ptr<Flight> flight);
  // Ends early when the loop stops, and, if `wakeable`, when it is woken.
  Task<void> Sleep(absl::Duration duration, bool wakeable);

  void PutOff(Flight& flight, const Delivery& delivery);
  void Woken();
  absl::Duration UntilDue() const;
  void Report(const Delivery& delivery, const char* result, int events, absl::Duration latency);
  void ReportUnsendable(const std::vector<DeadEvent>& dead);
  void LogTrouble(const Delivery& delivery);

  const Parts parts_;
  const boost::asio::strand<Executor> strand_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> wake_posted_ = false;
  bool woken_ = false;
  bool given_up_ = false;
  int claim_failures_ = 0;
  Timer timer_;  // of the dispatcher
  std::set<std::shared_ptr<Flight>> flights_;
  std::map<int, Trouble> troubles_;    // by lane
  std::map<int, absl::Time> put_off_;  // by lane
  absl::Time logged_ = absl::InfinitePast();
  bool in_trouble_ = false;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_DELIVERY_PRODUCT_DELIVERY_H_
