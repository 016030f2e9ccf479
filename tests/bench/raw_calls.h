// Unary calls over one HTTP/2 connection (RFC 9113) without gRPC's client, which takes as much CPU for a call as a
// server does: the load of a flood must leave the machine to whom it floods.
//
// One thread. A call is one HEADERS and one DATA frame. An answer with a message is an answer; without one it is a
// refusal (gRPC sends no message with an error), so that no header of a response needs to be read.
#ifndef AUTHFLOW_TESTS_BENCH_RAW_CALLS_H_
#define AUTHFLOW_TESTS_BENCH_RAW_CALLS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace authflow {

class RawCalls {
 public:
  using Clock = std::chrono::steady_clock;
  enum class End { kAnswered, kRefused };
  // `begun`: of the call that ended.
  using Ended = std::function<void(End end, Clock::time_point begun)>;

  // Connects, or ends the program. `path`: "/package.Service/Method".
  RawCalls(const std::string& host, int port, const std::string& path, int deadline_seconds, Ended ended);
  ~RawCalls();
  RawCalls(const RawCalls&) = delete;
  RawCalls& operator=(const RawCalls&) = delete;

  int socket() const { return socket_; }
  // False: the connection's window is used up, as many calls are open as the server allows, or too much waits to be
  // written. Then call Exchange and try again.
  bool CanSend() const;
  // `message` is a serialized request.
  void Send(std::string_view message, Clock::time_point begun);
  // Writes and reads what is possible without waiting, and tells of calls that ended.
  void Exchange();
  bool wants_to_write() const { return written_ < out_.size(); }
  // Gives up calls that began before this; how many.
  size_t GiveUp(Clock::time_point before);
  size_t open() const { return calls_.size(); }

 private:
  struct Call {
    Clock::time_point begun;
    bool has_message = false;
  };

  void Frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload);
  void Read();
  void Settings(std::string_view payload);
  // One whole frame.
  void Take(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload);

  const std::string first_headers_;
  const Ended ended_;
  int socket_ = -1;
  uint32_t next_stream_ = 1;
  int64_t window_ = 65'535;    // what may be sent
  size_t streams_ = SIZE_MAX;  // that the server allows
  size_t received_ = 0;        // of the server's window, since it was last opened
  std::string out_;
  size_t written_ = 0;
  std::string in_;
  std::unordered_map<uint32_t, Call> calls_;
};

}  // namespace authflow

#endif  // AUTHFLOW_TESTS_BENCH_RAW_CALLS_H_
