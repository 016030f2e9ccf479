#include "server/rpc/admission.h"

#include <algorithm>

namespace authflow {

Admission::Ticket Admission::Enter(Clock::time_point now) {
  if (now - measured_.load(std::memory_order_relaxed) >= kPatience) Measure(now);
  if (waiting_.fetch_add(1, std::memory_order_relaxed) < limit_.load(std::memory_order_relaxed)) {
    return {this, [this](const void*) { Leave(); }};
  }
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  return nullptr;
}

void Admission::Leave() {
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  answered_.fetch_add(1, std::memory_order_relaxed);
}

void Admission::Measure(Clock::time_point now) {
  Clock::time_point last = measured_.load(std::memory_order_relaxed);
  if (now - last < kPatience || !measured_.compare_exchange_strong(last, now)) return;  // another thread does
  const double patiences = std::chrono::duration<double>(now - last) / std::chrono::duration<double>(kPatience);
  const double answered = static_cast<double>(answered_.exchange(0)) / patiences;
  const bool busy = waiting_ >= kFew;
  const bool was_busy = busy_.exchange(busy);
  limit_ = busy && was_busy ? std::max(kFew, static_cast<size_t>(answered)) : kUnknown;
}

}  // namespace authflow
