// HTTP/1.1 with bodies of a Content-Length, as much as the token endpoint and its clients need. Nothing here is for
// messages of strangers.
#ifndef AUTHFLOW_TESTS_BENCH_HTTP_H_
#define AUTHFLOW_TESTS_BENCH_HTTP_H_

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "server/base/task.h"

namespace authflow {

struct HttpMessage {
  std::string head;
  std::string body;
};

// The next message of a connection; `buffer` keeps what came after it. nullopt: the connection has ended.
inline Task<std::optional<HttpMessage>> ReadHttp(boost::asio::ip::tcp::socket& socket, std::string& buffer) {
  constexpr std::string_view kLength = "content-length:";
  const auto token = boost::asio::as_tuple(boost::asio::use_awaitable_t<Executor>());
  auto space = boost::asio::dynamic_buffer(buffer);
  const auto [error, head_size] = co_await boost::asio::async_read_until(socket, space, "\r\n\r\n", token);
  if (error) co_return std::nullopt;
  HttpMessage message{.head = buffer.substr(0, head_size), .body = ""};
  buffer.erase(0, head_size);
  size_t length = 0;
  for (size_t at = message.head.find("\r\n"); at + 2 < message.head.size(); at = message.head.find("\r\n", at + 2)) {
    const std::string_view line = std::string_view(message.head).substr(at + 2);
    if (absl::StartsWithIgnoreCase({line.data(), line.size()}, {kLength.data(), kLength.size()})) {
      length = std::strtoul(line.data() + kLength.size(), nullptr, 10);
    }
  }
  while (buffer.size() < length) {
    const size_t old = buffer.size();
    buffer.resize(length);
    const auto [broken, got] = co_await socket.async_read_some(boost::asio::buffer(&buffer[old], length - old), token);
    buffer.resize(old + got);
    if (broken) co_return std::nullopt;
  }
  message.body = buffer.substr(0, length);
  buffer.erase(0, length);
  co_return message;
}

// False: the connection has ended.
inline Task<bool> WriteHttp(boost::asio::ip::tcp::socket& socket, std::string message) {
  const auto token = boost::asio::as_tuple(boost::asio::use_awaitable_t<Executor>());
  const auto [error, written] = co_await boost::asio::async_write(socket, boost::asio::buffer(message), token);
  co_return !error;
}

// The value of a field of a form or a query whose values need no percent-encoding; "" if it is not there.
inline std::string PlainField(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    const std::string_view field = form.substr(0, form.find('&'));
    form.remove_prefix(std::min(field.size() + 1, form.size()));
    const size_t equals = field.find('=');
    if (equals != std::string_view::npos && field.substr(0, equals) == name) {
      return std::string(field.substr(equals + 1));
    }
  }
  return "";
}

}  // namespace authflow

#endif  // AUTHFLOW_TESTS_BENCH_HTTP_H_
