// StartFlow as fast as is asked for, whatever the server says.
//
//   flood open   HOST:PORT PRODUCT CALLS_PER_SECOND SECONDS    so many calls begin each second, answered or not
//   flood closed HOST:PORT PRODUCT IN_FLIGHT SECONDS           so many calls are under way at any time
//
// A call counts from the moment at which it should begin, and has 10 seconds. Prints one JSON line:
//   offered     calls that were to begin
//   accepted    answered with a flow, and of these `in_time`: before SECONDS were over
//   refused     answered with an error
//   late        not answered within the deadline; of these `unsent`: the server did not even read them
//   p50_us, p99_us: of accepted calls; refused_p99_us; cpu_seconds: this program's own; lag_us: its longest turn, that
//   is how far it was behind at worst
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/raw_calls.h"
#include "tests/bench/start_request.h"

namespace authflow {
namespace {

using Clock = RawCalls::Clock;

constexpr size_t kConnections = 8;
constexpr int kDeadline = 10;  // seconds

double Seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

class Flood {
 public:
  // One of `rate` and `in_flight` is 0.
  Flood(const std::string& address, std::string product, double rate, size_t in_flight, double seconds)
      : product_(std::move(product)), rate_(rate), in_flight_(in_flight), seconds_(seconds) {
    const size_t colon = address.rfind(':');
    for (size_t i = 0; i < kConnections; ++i) {
      connections_.push_back(std::make_unique<RawCalls>(
          address.substr(0, colon), std::atoi(address.c_str() + colon + 1), "/authflow.v1.FlowService/StartFlow",
          kDeadline, [this](RawCalls::End end, Clock::time_point begun) { OnEnded(end, begun); }));
    }
  }

  void Run() {
    start_ = last_ = Clock::now();
    while (true) {
      now_ = Clock::now();
      lag_ = std::max(lag_, now_ - last_);
      last_ = now_;
      Begin();
      GiveUp();
      for (const auto& connection : connections_) connection->Exchange();
      if (Over()) break;
      Wait();
    }
    Tell();
  }

 private:
  bool Offering() const { return Seconds(now_ - start_) < seconds_; }
  bool Over() const { return !Offering() && waiting_.empty() && under_way_ == 0; }

  // Lets what is due begin, on the connections in turn.
  void Begin() {
    if (rate_ > 0) {
      const double due = std::min(Seconds(now_ - start_), seconds_) * rate_;
      for (; static_cast<double>(offered_) < due; ++offered_) {
        const auto after = std::chrono::duration<double>(static_cast<double>(offered_) / rate_);
        waiting_.push_back(start_ + std::chrono::duration_cast<Clock::duration>(after));
      }
    } else if (Offering()) {
      for (; under_way_ + waiting_.size() < in_flight_; ++offered_) waiting_.push_back(now_);
    }
    size_t full = 0;
    while (!waiting_.empty() && full < kConnections) {
      RawCalls& connection = *connections_[next_++ % kConnections];
      if (!connection.CanSend()) {
        ++full;
        continue;
      }
      full = 0;
      FillStart(product_, request_);
      connection.Send(request_.SerializeAsString(), waiting_.front());
      waiting_.pop_front();
      ++under_way_;
    }
  }

  void GiveUp() {
    const Clock::time_point before = now_ - std::chrono::seconds(kDeadline);
    for (; !waiting_.empty() && waiting_.front() < before; ++unsent_) waiting_.pop_front();
    if (now_ - given_up_ < std::chrono::milliseconds(100)) return;
    given_up_ = now_;
    for (const auto& connection : connections_) {
      const size_t count = connection->GiveUp(before);
      late_ += count;
      under_way_ -= count;
    }
  }

  void Wait() {
    std::vector<pollfd> sockets;
    for (const auto& connection : connections_) {
      const int events = connection->wants_to_write() ? POLLIN | POLLOUT : POLLIN;
      sockets.push_back({.fd = connection->socket(), .events = static_cast<short>(events), .revents = 0});
    }
    poll(sockets.data(), sockets.size(), 1);
  }

  void OnEnded(RawCalls::End end, Clock::time_point begun) {
    const Clock::time_point now = Clock::now();
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - begun).count();
    --under_way_;
    if (end == RawCalls::End::kRefused) {
      refused_micros_.push_back(static_cast<uint32_t>(took));
      return;
    }
    accepted_micros_.push_back(static_cast<uint32_t>(took));
    if (Seconds(now - start_) < seconds_) ++in_time_;
  }

  static uint32_t At(std::vector<uint32_t>& micros, size_t percent) {
    if (micros.empty()) return 0;
    std::sort(micros.begin(), micros.end());
    return micros[micros.size() * percent / 100];
  }

  void Tell() {
    rusage used = {};
    getrusage(RUSAGE_SELF, &used);
    const double cpu = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                       static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    std::cout << "{\"offered\": " << offered_ << ", \"accepted\": " << accepted_micros_.size()
              << ", \"in_time\": " << in_time_ << ", \"refused\": " << refused_micros_.size()
              << ", \"late\": " << late_ + unsent_ << ", \"unsent\": " << unsent_
              << ", \"per_second\": " << static_cast<double>(in_time_) / seconds_
              << ", \"p50_us\": " << At(accepted_micros_, 50) << ", \"p99_us\": " << At(accepted_micros_, 99)
              << ", \"refused_p99_us\": " << At(refused_micros_, 99) << ", \"lag_us\": " << Seconds(lag_) * 1e6
              << ", \"cpu_seconds\": " << cpu << "}" << std::endl;
  }

  const std::string product_;
  const double rate_;
  const size_t in_flight_;
  const double seconds_;
  std::vector<std::unique_ptr<RawCalls>> connections_;
  v1::StartFlowRequest request_;
  size_t next_ = 0;
  Clock::time_point start_, now_, last_, given_up_;
  Clock::duration lag_ = {};
  std::deque<Clock::time_point> waiting_;  // when those should have begun
  size_t under_way_ = 0;
  size_t offered_ = 0, in_time_ = 0, late_ = 0, unsent_ = 0;
  std::vector<uint32_t> accepted_micros_, refused_micros_;
};

}  // namespace
}  // namespace authflow

int main(int argc, char** argv) {
  const std::string verb = argc == 6 ? argv[1] : "";
  if (verb != "open" && verb != "closed") {
    std::cerr << "usage: flood open HOST:PORT PRODUCT CALLS_PER_SECOND SECONDS\n"
                 "       flood closed HOST:PORT PRODUCT IN_FLIGHT SECONDS\n";
    return 2;
  }
  const double many = std::atof(argv[4]);
  authflow::Flood flood(argv[2], argv[3], verb == "open" ? many : 0, verb == "open" ? 0 : static_cast<size_t>(many),
                        std::atof(argv[5]));
  flood.Run();
  return 0;
}
