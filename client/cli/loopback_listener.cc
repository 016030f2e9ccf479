#include "client/cli/loopback_listener.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/http_request.h"

namespace authflow {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr size_t kLongestHead = 16 * 1024;
constexpr size_t kLongestQuery = 8 * 1024;
constexpr int kMostConnections = 64;
constexpr std::chrono::seconds kHeadTime(10);
constexpr std::chrono::seconds kSendTime(5);

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable_t<Executor>());

ResultPage StrayPage(int status, std::string text) {
  return {.status = status,
          .mood = ResultPage::kNeutral,
          .heading = "Nothing to see here",
          .text = std::move(text),
          .hint = "This address only takes the end of a sign-in that was started in a terminal."};
}

// Closes the socket when the time is up. Cancelling the timer is enough to stop it: the socket is only named weakly.
template <typename Socket>
void CloseAfter(Event::Timer& timer, std::weak_ptr<Socket> socket, std::chrono::seconds time) {
  timer.expires_after(time);
  timer.async_wait([socket](const boost::system::error_code& error) {
    if (error) return;
    if (auto open = socket.lock()) {
      boost::system::error_code ignored;
      open->close(ignored);
    }
  });
}

}  // namespace

LoopbackListener::LoopbackListener(Executor executor, std::string path)
    : executor_(executor), path_(std::move(path)), sent_(std::move(executor)) {}

absl::StatusOr<std::shared_ptr<LoopbackListener>> LoopbackListener::Listen(Executor executor, std::string host,
                                                                           int port, std::string path) {
  std::shared_ptr<LoopbackListener> listener(new LoopbackListener(std::move(executor), std::move(path)));
  if (auto opened = listener->Open(host, port); !opened.ok()) return opened;
  for (size_t i = 0; i < listener->acceptors_.size(); ++i) {
    asio::co_spawn(listener->executor_, Accept(listener, i), asio::detached);
  }
  return listener;
}

absl::Status LoopbackListener::Open(const std::string& host, int port) {
  port_ = port;
  // A browser takes "localhost" for either address.
  std::vector<asio::ip::address> addresses;
  if (host != "[::1]") addresses.push_back(asio::ip::address_v4::loopback());
  if (host != "127.0.0.1") addresses.push_back(asio::ip::address_v6::loopback());
  boost::system::error_code first_error;
  for (const auto& address : addresses) {
    const tcp::endpoint endpoint(address, port_);
    Acceptor acceptor(executor_);
    boost::system::error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error && address.is_v6()) acceptor.set_option(asio::ip::v6_only(true), error);
    // A fixed port may still have connections of the login before this one in TIME_WAIT.
    if (!error) acceptor.set_option(Acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      if (!first_error) first_error = error;
      continue;
    }
    port_ = acceptor.local_endpoint().port();
    acceptors_.push_back(std::move(acceptor));
  }
  const bool taken = first_error == asio::error::address_in_use;
  if (acceptors_.empty() || (taken && acceptors_.size() < addresses.size())) {
    return absl::UnavailableError(absl::StrCat("Cannot listen on ", host, ":", port, ": ", first_error.message(), "."));
  }
  return absl::OkStatus();
}

void LoopbackListener::Expect(Secret state, std::function<void(std::string)> arrived) {
  state_ = std::move(state);
  arrived_ = std::move(arrived);
  waiting_ = nullptr;
}

void LoopbackListener::Answer(ResultPage page) {
  if (!waiting_) waiting_ = std::make_shared<Waiting>(executor_);
  waiting_->page = std::move(page);
  waiting_->answered.Set();
}

void LoopbackListener::AnswerAndGoOn(ResultPage page) {
  Answer(std::move(page));
  waiting_ = nullptr;
}

Task<void> LoopbackListener::Flush(SteadyTime limit) {
  while (unsent_ > 0 && SteadyNow() < limit) co_await sent_.WaitUntil(limit);
}

void LoopbackListener::Close() {
  boost::system::error_code ignored;
  for (auto& acceptor : acceptors_) acceptor.close(ignored);
}

Task<void> LoopbackListener::Accept(std::shared_ptr<LoopbackListener> self, size_t index) {
  Acceptor& acceptor = self->acceptors_[index];
  while (acceptor.is_open()) {
    auto [error, socket] = co_await acceptor.async_accept(kTuple);
    if (error == asio::error::operation_aborted || !acceptor.is_open()) co_return;
    if (error) {
      // Out of files, most likely: do not spin.
      Event pause(self->executor_);
      co_await pause.WaitUntil(SteadyNow() + std::chrono::milliseconds(50));
      continue;
    }
    if (self->connections_ >= kMostConnections) continue;
    asio::co_spawn(self->executor_, Serve(self, std::move(socket)), asio::detached);
  }
}

Task<void> LoopbackListener::Serve(std::shared_ptr<LoopbackListener> self, Socket accepted) {
  auto socket = std::make_shared<Socket>(std::move(accepted));
  ++self->connections_;
  Event::Timer timer(self->executor_);
  CloseAfter<Socket>(timer, socket, kHeadTime);
  std::string head;
  const auto [read_error, length] =
      co_await asio::async_read_until(*socket, asio::dynamic_buffer(head, kLongestHead), "\r\n\r\n", kTuple);
  timer.cancel();
  const bool too_long = read_error == asio::error::not_found;
  if (!read_error || too_long) {
    head.resize(read_error ? 0 : length);
    std::string query;
    std::optional<ResultPage> page = self->Refuse(head, query);
    const bool redirect = !page.has_value();
    if (redirect) {
      ++self->unsent_;
      const bool first = self->waiting_ == nullptr;
      if (first) self->waiting_ = std::make_shared<Waiting>(self->executor_);
      // Ours: the listener may go on to the next while this one is answered.
      auto waiting = self->waiting_;
      if (first) self->arrived_(std::move(query));
      while (!waiting->answered.is_set()) co_await waiting->answered.WaitUntil(SteadyTime::max());
      page = waiting->page;
    }
    const std::string response = HttpResponse(*page);
    CloseAfter<Socket>(timer, socket, kSendTime);
    co_await asio::async_write(*socket, asio::buffer(response), kTuple);
    boost::system::error_code ignored;
    socket->shutdown(Socket::shutdown_send, ignored);
    if (redirect) {
      --self->unsent_;
      self->sent_.Poke();
    }
    // Closing with unread bytes would reset the connection before the browser has read its page.
    std::array<char, 1024> rest;
    for (size_t read = 0; read < kLongestHead;) {
      const auto [error, count] = co_await socket->async_read_some(asio::buffer(rest), kTuple);
      if (error) break;
      read += count;
    }
    timer.cancel();
  }
  --self->connections_;
}

std::optional<ResultPage> LoopbackListener::Refuse(const std::string& head, std::string& query) const {
  const auto request = ParseHttpRequest(head);
  if (!request) return StrayPage(400, "This request could not be read.");
  bool known_host = false;
  for (const char* host : {"127.0.0.1", "localhost", "[::1]"}) {
    known_host =
        known_host || request->host == absl::StrCat(host, ":", port_) || (port_ == 80 && request->host == host);
  }
  // Another name would be a web page that had its own name point at us (DNS rebinding).
  if (!known_host) return StrayPage(400, "This request is for another host.");
  if (request->path != path_) return StrayPage(404, "There is no such page.");
  if (request->method != "GET") return StrayPage(400, "Only GET is understood.");
  const auto state = QueryValue(request->query, "state");
  if (!state || state_.empty() || !state_.Equals(*state) || request->query.size() > kLongestQuery) {
    return StrayPage(400, "This is not the sign-in that your terminal waits for, or one that is over.");
  }
  query = request->query;
  return std::nullopt;
}

}  // namespace authflow
