// For tests: a server that does on a socket exactly what a test says.
#ifndef AUTHFLOW_SERVER_BASE_HTTP_RAW_SERVER_H_
#define AUTHFLOW_SERVER_BASE_HTTP_RAW_SERVER_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace authflow {

class RawConnection {
 public:
  explicit RawConnection(int socket) : socket_(socket) {}

  // Head and body (by Content-Length) of the next request; "" at the end of the connection.
  std::string ReadRequest() {
    size_t head_end = 0;
    while ((head_end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!More()) return "";
    }
    size_t size = head_end + 4;
    const size_t length = buffer_.find("Content-Length: ");
    if (length < head_end) size += std::strtoul(buffer_.c_str() + length + 16, nullptr, 10);
    while (buffer_.size() < size) {
      if (!More()) return "";
    }
    std::string request = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return request;
  }

  void Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (written <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(written));
    }
  }

  // Until the client goes away.
  void WaitForEnd() {
    while (More()) {
    }
  }

  // The connection ends with RST instead of FIN.
  void Reset() {
    const linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }

  // Copies between this connection and `port` of the loopback until one of them ends.
  void Relay(int port);

 private:
  bool More() {
    char bytes[4096];
    const ssize_t got = recv(socket_, bytes, sizeof(bytes), 0);
    if (got <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(got));
    return true;
  }

  const int socket_;
  std::string buffer_;
};

// Runs `serve` for each connection, on a thread of its own, on a free port of 127.0.0.1.
class RawServer {
 public:
  explicit RawServer(std::function<void(RawConnection&)> serve) : serve_(std::move(serve)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof(address);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 64) != 0) std::abort();
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Accept(); });
  }
  ~RawServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
    {
      absl::MutexLock lock(&mutex_);
      for (const int socket : sockets_) shutdown(socket, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    for (const int socket : sockets_) close(socket);
  }

  int port() const { return port_; }
  std::string Url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  int connections() const {
    absl::MutexLock lock(&mutex_);
    return static_cast<int>(sockets_.size());
  }

  static sockaddr_in Loopback(int port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

 private:
  void Accept() {
    for (;;) {
      const int socket = accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      {
        absl::MutexLock lock(&mutex_);
        sockets_.push_back(socket);
      }
      threads_.emplace_back([this, socket] {
        RawConnection connection(socket);
        serve_(connection);
        shutdown(socket, SHUT_RDWR);
      });
    }
  }

  const std::function<void(RawConnection&)> serve_;
  int listener_;
  int port_ = 0;
  std::thread thread_;
  std::vector<std::thread> threads_;
  mutable absl::Mutex mutex_;
  std::vector<int> sockets_ ABSL_GUARDED_BY(mutex_);
};

inline void RawConnection::Relay(int port) {
  const int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = RawServer::Loopback(port);
  if (connect(other, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    pollfd both[2] = {{.fd = socket_, .events = POLLIN}, {.fd = other, .events = POLLIN}};
    bool open = true;
    while (open && poll(both, 2, -1) > 0) {
      for (int i = 0; i < 2 && open; ++i) {
        if (both[i].revents == 0) continue;
        char bytes[4096];
        const ssize_t got = recv(both[i].fd, bytes, sizeof(bytes), 0);
        open = got > 0 && send(both[1 - i].fd, bytes, static_cast<size_t>(got), MSG_NOSIGNAL) == got;
      }
    }
  }
  close(other);
}

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_HTTP_RAW_SERVER_H_
