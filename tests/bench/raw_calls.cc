#include "tests/bench/raw_calls.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "server/base/text.h"

namespace authflow {
namespace {

enum : uint8_t { kData, kHeaders, kPriority, kRstStream, kSettings, kPushPromise, kPing, kGoaway, kWindowUpdate };
enum : uint8_t { kEndStream = 0x1, kAck = 0x1, kEndHeaders = 0x4 };
constexpr uint32_t kWindow = 1u << 30;
constexpr size_t kMostWaiting = 1 << 20;  // bytes to be written
constexpr size_t kFrameHeader = 9;
constexpr size_t kMessageHeader = 5;

[[noreturn]] void Die(const std::string& what) {
  std::cerr << what << "\n";
  std::exit(1);
}

std::string BigEndian(uint32_t value) {
  const uint32_t bytes = htonl(value);
  return {reinterpret_cast<const char*>(&bytes), sizeof(bytes)};
}

uint32_t FromBigEndian(std::string_view bytes) {
  uint32_t value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return ntohl(value);
}

// HPACK (RFC 7541 6.2.1): a field that later headers name by its index. `name` is the prefix byte with a known name's
// index.
std::string Kept(uint8_t name, std::string_view value) {
  return Cat(std::string(1, static_cast<char>(name)), std::string(1, static_cast<char>(value.size())), value);
}
std::string Kept(std::string_view name, std::string_view value) {
  const std::string length(1, static_cast<char>(name.size()));
  return Cat("\x40", length, name, std::string(1, static_cast<char>(value.size())), value);
}

// :method POST, :scheme http, then what each call repeats.
std::string FirstHeaders(const std::string& path, int deadline_seconds) {
  constexpr uint8_t kAuthority = 0x41, kPath = 0x44, kContentType = 0x5f;
  return Cat("\x83\x86", Kept(kPath, path), Kept(kAuthority, "localhost"), Kept("te", "trailers"),
             Kept(kContentType, "application/grpc"), Kept("grpc-timeout", Cat(std::to_string(deadline_seconds), "S")));
}
// The same by their indices: the newest is 62.
constexpr std::string_view kLaterHeaders = "\x83\x86\xc2\xc1\xc0\xbf\xbe";

}  // namespace

RawCalls::RawCalls(const std::string& host, int port, const std::string& path, int deadline_seconds, Ended ended)
    : first_headers_(FirstHeaders(path, deadline_seconds)), ended_(std::move(ended)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) Die("not an IPv4 address: " + host);
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0 || connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    Die(Cat("cannot connect: ", strerror(errno)));
  }
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  out_ = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  // No table for the server's headers: they are not read.
  Frame(kSettings, 0, 0, std::string_view("\0\x1\0\0\0\0", 6));
  Frame(kWindowUpdate, 0, 0, BigEndian(kWindow));
}

RawCalls::~RawCalls() { close(socket_); }

bool RawCalls::CanSend() const {
  return window_ > 4096 && calls_.size() < streams_ && out_.size() - written_ < kMostWaiting;
}

void RawCalls::Send(std::string_view message, Clock::time_point begun) {
  const uint32_t stream = next_stream_;
  next_stream_ += 2;
  Frame(kHeaders, kEndHeaders, stream, stream == 1 ? std::string_view(first_headers_) : kLaterHeaders);
  const std::string length = BigEndian(static_cast<uint32_t>(message.size()));
  Frame(kData, kEndStream, stream, Cat(std::string_view("\0", 1), length, message));
  window_ -= static_cast<int64_t>(kMessageHeader + message.size());
  calls_.emplace(stream, Call{.begun = begun});
}

void RawCalls::Frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  out_ += BigEndian(static_cast<uint32_t>(payload.size()) << 8 | type);
  out_ += static_cast<char>(flags);
  out_ += BigEndian(stream);
  out_ += payload;
}

void RawCalls::Exchange() {
  while (written_ < out_.size()) {
    const ssize_t count = send(socket_, out_.data() + written_, out_.size() - written_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (count < 0) Die(Cat("cannot write: ", strerror(errno)));
    written_ += static_cast<size_t>(count);
  }
  if (written_ == out_.size() || written_ > kMostWaiting) {
    out_.erase(0, written_);
    written_ = 0;
  }
  Read();
}

void RawCalls::Read() {
  char buffer[64 * 1024];
  while (true) {
    const ssize_t count = recv(socket_, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (count <= 0) Die("the server closed a connection");
    in_.append(buffer, static_cast<size_t>(count));
    if (count < static_cast<ssize_t>(sizeof(buffer))) break;
  }
  std::string_view rest = in_;
  while (rest.size() >= kFrameHeader) {
    const uint32_t first = FromBigEndian(rest);
    const size_t whole = kFrameHeader + (first >> 8);
    if (rest.size() < whole) break;
    Take(static_cast<uint8_t>(first), static_cast<uint8_t>(rest[4]), FromBigEndian(rest.substr(5)),
         rest.substr(kFrameHeader, whole - kFrameHeader));
    rest.remove_prefix(whole);
  }
  in_.erase(0, in_.size() - rest.size());
  if (received_ > kWindow / 2) {
    Frame(kWindowUpdate, 0, 0, BigEndian(static_cast<uint32_t>(received_)));
    received_ = 0;
  }
}

void RawCalls::Settings(std::string_view payload) {
  constexpr std::string_view kMaxConcurrentStreams("\0\x3", 2);
  for (; payload.size() >= 6; payload.remove_prefix(6)) {
    if (payload.starts_with(kMaxConcurrentStreams)) streams_ = FromBigEndian(payload.substr(2));
  }
  Frame(kSettings, kAck, 0, {});
}

void RawCalls::Take(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  if (type == kSettings && (flags & kAck) == 0) Settings(payload);
  if (type == kPing && (flags & kAck) == 0) Frame(kPing, kAck, 0, payload);
  if (type == kWindowUpdate && stream == 0) window_ += FromBigEndian(payload);
  if (type == kGoaway) Die("the server closes a connection");
  if (type == kData) received_ += payload.size();
  const auto call = calls_.find(stream);
  if (call == calls_.end()) return;  // of the connection, or given up
  if (type == kData && payload.size() > kMessageHeader) call->second.has_message = true;
  const bool ends = (type == kHeaders || type == kData) && (flags & kEndStream) != 0;
  if (!ends && type != kRstStream) return;
  const Call ended = call->second;
  calls_.erase(call);
  ended_(ended.has_message && ends ? End::kAnswered : End::kRefused, ended.begun);
}

size_t RawCalls::GiveUp(Clock::time_point before) {
  constexpr uint32_t kCancel = 8;
  size_t count = 0;
  for (auto it = calls_.begin(); it != calls_.end();) {
    if (it->second.begun >= before) {
      ++it;
      continue;
    }
    Frame(kRstStream, 0, it->first, BigEndian(kCancel));
    it = calls_.erase(it);
    ++count;
  }
  return count;
}

}  // namespace authflow
