// How many calls may wait at once: as many as are done with in 0.3 s. More would only wait longer, until their callers
// have given up and the work is for nothing.
#ifndef AUTHFLOW_SERVER_RPC_ADMISSION_H_
#define AUTHFLOW_SERVER_RPC_ADMISSION_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>

namespace authflow {

// Thread-safe, lock-free.
class Admission {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr Clock::duration kPatience = std::chrono::milliseconds(300);
  // With fewer waiting the server is not busy, and its pace says how much was asked of it, not how much it can do.
  static constexpr size_t kFew = 512;
  // May wait before a pace is known.
  static constexpr size_t kUnknown = 4096;

  // Held while a call waits; outlived by this.
  using Ticket = std::shared_ptr<const void>;
  // Null: too many wait.
  Ticket Enter(Clock::time_point now);

 private:
  void Leave();
  void Measure(Clock::time_point now);

  std::atomic<size_t> waiting_ = 0;
  std::atomic<size_t> answered_ = 0;  // since measured_
  std::atomic<size_t> limit_ = kUnknown;
  std::atomic<Clock::time_point> measured_ = Clock::time_point();
  std::atomic<bool> busy_ = false;  // at measured_
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_ADMISSION_H_
