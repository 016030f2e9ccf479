// An OpenID provider of the benchmarks: discovery, keys, and a token endpoint that signs each id_token (ES256).
//
//   token_endpoint HOST LATENCY_MS     prints "READY HOST:PORT", ends with a signal
//
// A token answer comes LATENCY_MS after its request; a timer waits, not a thread. Nobody signs in here: a code is
// NONCE.USER.ANYTHING, made by the program that read the nonce in the authorization URL.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/provider/provider_world.h"
#include "tests/bench/http.h"

namespace authflow {
namespace {

using boost::asio::ip::tcp;
using nlohmann::json;

constexpr auto kTuple = boost::asio::as_tuple(boost::asio::use_awaitable_t<Executor>());

struct Answer {
  std::string status = "200 OK";
  json body;
};

class Provider {
 public:
  Provider(std::string issuer, int latency_ms)
      : latency_(latency_ms), issuer_(std::move(issuer)), key_("ES256", "bench-1") {}

  // Until the client goes away.
  Task<void> Serve(tcp::socket socket) {
    socket.set_option(tcp::no_delay(true));
    std::string buffer;
    for (;;) {
      const std::optional<HttpMessage> request = co_await ReadHttp(socket, buffer);
      if (!request) co_return;
      const bool posted = request->head.rfind("POST /token ", 0) == 0;
      if (posted && latency_.count() > 0) {
        boost::asio::steady_timer timer(socket.get_executor(), latency_);
        co_await timer.async_wait(kTuple);
      }
      const Answer answer = posted ? Token(request->body) : Document(request->head);
      const std::string body = answer.body.dump();
      std::string message = absl::StrCat("HTTP/1.1 ", answer.status, "\r\nContent-Type: application/json\r\n",
                                         "Content-Length: ", body.size(), "\r\n\r\n", body);
      const bool written = co_await WriteHttp(socket, std::move(message));
      if (!written) co_return;
    }
  }

 private:
  Answer Document(const std::string& head) const {
    if (head.rfind("GET /.well-known/openid-configuration ", 0) == 0) {
      return {.body = {{"issuer", issuer_},
                       {"authorization_endpoint", issuer_ + "/authorize"},
                       {"token_endpoint", issuer_ + "/token"},
                       {"jwks_uri", issuer_ + "/jwks"},
                       {"code_challenge_methods_supported", {"S256"}}}};
    }
    if (head.rfind("GET /jwks ", 0) == 0) return {.body = {{"keys", json::array({key_.PublicJwk()})}}};
    return {.status = "404 Not Found", .body = json::object()};
  }

  Answer Token(const std::string& form) const {
    const std::string code = PlainField(form, "code");
    const size_t dot = code.find('.');
    const size_t second = code.find('.', dot + 1);
    if (PlainField(form, "grant_type") != "authorization_code" || PlainField(form, "code_verifier").size() < 43 ||
        PlainField(form, "redirect_uri").empty() || dot == std::string::npos || second == std::string::npos) {
      return {.status = "400 Bad Request", .body = {{"error", "invalid_grant"}}};
    }
    const std::string user = code.substr(dot + 1, second - dot - 1);
    const int64_t now = absl::ToUnixSeconds(absl::Now());
    const json claims = {{"iss", issuer_},
                         {"aud", PlainField(form, "client_id")},
                         {"sub", user},
                         {"iat", now},
                         {"exp", now + 3600},
                         {"nonce", code.substr(0, dot)},
                         {"email", user + "@example.com"},
                         {"name", "A Person"}};
    const std::string rest = code.substr(second + 1);
    return {.body = {{"access_token", "access-" + rest},
                     {"token_type", "Bearer"},
                     {"expires_in", 3600},
                     {"refresh_token", "refresh-" + rest},
                     {"id_token", key_.Sign(claims)}}};
  }

  const std::chrono::milliseconds latency_;
  const std::string issuer_;
  const SigningKey key_;
};

Task<void> Accept(tcp::acceptor& acceptor, Provider& provider) {
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(kTuple);
    if (error) continue;
    boost::asio::co_spawn(acceptor.get_executor(), provider.Serve(std::move(socket)), boost::asio::detached);
  }
}

int Main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: token_endpoint HOST LATENCY_MS\n";
    return 2;
  }
  boost::asio::io_context io;
  tcp::acceptor acceptor(io, tcp::endpoint(boost::asio::ip::make_address(argv[1]), 0));
  const std::string address = absl::StrCat(argv[1], ":", acceptor.local_endpoint().port());
  Provider provider("http://" + address, std::atoi(argv[2]));
  boost::asio::co_spawn(io, Accept(acceptor, provider), boost::asio::detached);
  std::cout << "READY " << address << std::endl;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) threads.emplace_back([&io] { io.run(); });
  for (std::thread& thread : threads) thread.join();
  return 0;
}

}  // namespace
}  // namespace authflow

int main(int argc, char** argv) { return authflow::Main(argc, argv); }
