#include "server/flow/departures.h"

#include <algorithm>

namespace authflow {

void Departures::Broke(const Departure& departure, size_t open, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  Arm(departure, now);
  breaks_.push_back(now);
  while (breaks_.front() + options_.window < now) breaks_.pop_front();
  if (breaks_.size() >= options_.crowd && breaks_.size() > open) Rest(now);
}

void Departures::Again(const Departure& departure, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  Arm(departure, now);
}

// A grace period that begins while all rest begins after the rest.
void Departures::Arm(const Departure& departure, absl::Time now) {
  waiting_.push_back({std::max(now, rest_until_) + options_.grace, departure});
}

void Departures::Rest(absl::Time now) {
  if (rest_until_ <= now) ++rests_;
  const absl::Duration longer = now + options_.rest - std::max(now, rest_until_);
  for (Waiting& waiting : waiting_) waiting.due += longer;
  rest_until_ = now + options_.rest;
  breaks_.clear();
}

std::vector<Departure> Departures::TakeDue(absl::Time now, size_t limit) {
  absl::MutexLock lock(&mutex_);
  std::vector<Departure> due;
  while (!waiting_.empty() && waiting_.front().due <= now && due.size() < limit) {
    due.push_back(waiting_.front().departure);
    waiting_.pop_front();
  }
  return due;
}

int Departures::rests() const {
  absl::MutexLock lock(&mutex_);
  return rests_;
}

}  // namespace authflow
