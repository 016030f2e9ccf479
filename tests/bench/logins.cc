// The load of whole logins, so many in flight.
//
//   logins real HOST:PORT COUNT IN_FLIGHT SAMPLES           against authflowd; keeps one answer of each call in SAMPLES
//   logins bare HOST:PORT COUNT IN_FLIGHT TOKEN_HOST:PORT   the same calls at an echo of these answers, and the POST to
//                                                           the token endpoint that authflowd makes
//   logins exchange HOST:PORT COUNT IN_FLIGHT               brings COUNT flows to the exchange, then ExchangeCode alone
//
// Each prints one JSON line: calls (logins), seconds, so many a second, latency in microseconds (p50, p99).
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "authflow/v1/application_service.grpc.pb.h"
#include "authflow/v1/flow_service.grpc.pb.h"
#include "authflow/v1/token_service.grpc.pb.h"
#include "server/base/random.h"
#include "tests/bench/coroutine.h"
#include "tests/bench/http.h"
#include "tests/bench/load.h"
#include "tests/bench/start_request.h"

namespace authflow {
namespace {

using boost::asio::ip::tcp;

constexpr int kUsers = 500;
constexpr char kProduct[] = "bench";

using Flows = v1::FlowService::StubInterface::async_interface;
using TokensApi = v1::TokenService::StubInterface::async_interface;
using Apps = v1::ApplicationService::StubInterface::async_interface;
template <typename Request, typename Response>
using FlowCall = UnaryCall<Flows, Request, Response>;

struct Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : flow(v1::FlowService::NewStub(channel)),
        token(v1::TokenService::NewStub(channel)),
        application(v1::ApplicationService::NewStub(channel)) {}
  const std::unique_ptr<v1::FlowService::Stub> flow;
  const std::unique_ptr<v1::TokenService::Stub> token;
  const std::unique_ptr<v1::ApplicationService::Stub> application;
};

// What the person does in the browser: the provider's code for this authorization URL.
std::string CodeFor(const std::string& authorization_url, size_t login) {
  const std::string query =
      authorization_url.substr(std::min(authorization_url.find('?') + 1, authorization_url.size()));
  return absl::StrCat(PlainField(query, "nonce"), ".user-", login % kUsers, ".", RandomUuid(absl::Now()).ToString());
}

std::string RedirectQuery(const std::string& code, const std::string& state) {
  return absl::StrCat("code=", code, "&state=", state);
}

// A kept connection to the token endpoint, and the same request that authflowd makes.
class Poster {
 public:
  Poster(boost::asio::io_context& io, const std::string& address) : io_(io), address_(address), socket_(io) {
    const size_t colon = address.rfind(':');
    socket_.connect({boost::asio::ip::make_address(address.substr(0, colon)),
                     static_cast<uint16_t>(std::atoi(address.c_str() + colon + 1))});
    socket_.set_option(tcp::no_delay(true));
  }

  // To be awaited: posts `code`. True: there are tokens.
  struct Posting {
    Poster& poster;
    const std::string& code;
    bool ok = false;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> waiting) {
      boost::asio::co_spawn(poster.io_, poster.Post(code), [this, waiting](std::exception_ptr, bool done) {
        ok = done;
        waiting.resume();
      });
    }
    bool await_resume() const { return ok; }
  };

 private:
  Task<bool> Post(std::string code) {
    const std::string body =
        absl::StrCat("grant_type=authorization_code&code=", code,
                     "&redirect_uri=http%3A%2F%2F127.0.0.1%3A45678%2Fcallback&code_verifier=", std::string(43, 'v'),
                     "&client_id=bench-cli");
    std::string message = absl::StrCat("POST /token HTTP/1.1\r\nHost: ", address_,
                                       "\r\nUser-Agent: authflow\r\nAccept: application/json\r\nContent-Type: "
                                       "application/x-www-form-urlencoded\r\nContent-Length: ",
                                       body.size(), "\r\n\r\n", body);
    const bool written = co_await WriteHttp(socket_, std::move(message));
    if (!written) co_return false;
    const std::optional<HttpMessage> answer = co_await ReadHttp(socket_, buffer_);
    co_return answer && answer->head.rfind("HTTP/1.1 200", 0) == 0;
  }

  boost::asio::io_context& io_;
  const std::string address_;
  tcp::socket socket_;
  std::string buffer_;
};

// So many at a time until `count` are made.
class Logins {
 public:
  Logins(const std::string& address, size_t count) : count_(count), micros_(count) {
    for (const auto& channel : Channels(address, nullptr)) stubs_.push_back(std::make_unique<Stubs>(channel));
  }

  std::string samples;         // a folder: one answer of each call goes there
  std::string token_endpoint;  // of bare logins; else empty
  // Of flows brought to the exchange, else empty.
  std::vector<v1::ExchangeCodeRequest> ready;

  // False: one failed.
  bool Run(size_t in_flight, bool tell) {
    boost::asio::io_context io(1);
    const auto work = boost::asio::make_work_guard(io);
    std::thread thread([&io] { io.run(); });
    if (!token_endpoint.empty()) {
      for (size_t i = 0; i < in_flight; ++i) posters_.push_back(std::make_unique<Poster>(io, token_endpoint));
    }
    const auto start = Clock::now();
    for (size_t i = 0; i < in_flight; ++i) Slot(i);
    {
      std::unique_lock lock(mutex_);
      done_.wait(lock, [&] { return finished_ == in_flight; });
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    io.stop();
    thread.join();
    posters_.clear();
    std::sort(micros_.begin(), micros_.end());
    if (tell) {
      std::cout << "{\"calls\": " << count_ << ", \"failed\": " << failed_ << ", \"seconds\": " << seconds
                << ", \"per_second\": " << static_cast<double>(count_) / seconds
                << ", \"p50_us\": " << micros_[count_ / 2] << ", \"p99_us\": " << micros_[count_ * 99 / 100] << "}"
                << std::endl;
    }
    return failed_ == 0;
  }

 private:
  Detached Slot(size_t slot) {
    Stubs& stubs = *stubs_[slot % stubs_.size()];
    for (size_t login = next_++; login < count_; login = next_++) {
      const auto begun = Clock::now();
      // The steps of one login as the CLI makes them.
      FlowCall<v1::StartFlowRequest, v1::StartFlowResponse> start(stubs.flow->async(), &Flows::StartFlow);
      FillStart(kProduct, start.request);
      if (!Took("StartFlow", co_await start, start)) continue;
      const std::string& token = start.response.flow_token();

      v1::WatchFlowRequest watched;
      watched.set_flow_token(token);
      std::optional<ReadStream<v1::WatchFlowResponse>> watch;
      if (ready.empty()) {
        watch.emplace();
        watch->Begin([&](auto* context, auto* reactor) { stubs.flow->async()->WatchFlow(context, &watched, reactor); });
      }
      FlowCall<v1::RecordStepRequest, v1::RecordStepResponse> browser(stubs.flow->async(), &Flows::RecordStep);
      browser.request.set_flow_token(token);
      browser.request.set_step(v1::STEP_BROWSER_WAIT);
      bool ok = Took("RecordStep", co_await browser, browser);
      const std::string code = CodeFor(browser.response.authorization_url(), login);
      UnaryCall<TokensApi, v1::ExchangeCodeRequest, v1::ExchangeCodeResponse> exchange(stubs.token->async(),
                                                                                       &TokensApi::ExchangeCode);
      exchange.request.set_flow_token(token);
      exchange.request.set_redirect_query(RedirectQuery(code, browser.response.state()));
      if (!ready.empty()) {
        ready[login] = exchange.request;
        continue;
      }
      if (ok && !posters_.empty()) {
        Poster::Posting posting{.poster = *posters_[slot], .code = code};
        ok = co_await posting;
        if (!ok) Failed("POST /token");
      }
      if (ok) ok = Took("ExchangeCode", co_await exchange, exchange);

      UnaryCall<Apps, v1::ListApplicationsRequest, v1::ListApplicationsResponse> list(stubs.application->async(),
                                                                                      &Apps::ListApplications);
      list.request.set_product(kProduct);
      list.request.set_access_token(exchange.response.tokens().access_token());
      list.request.set_flow_token(token);
      if (ok) ok = Took("ListApplications", co_await list, list);
      const bool first = list.response.applications().empty();

      FlowCall<v1::RecordStepRequest, v1::RecordStepResponse> choose(stubs.flow->async(), &Flows::RecordStep);
      choose.request.set_flow_token(token);
      choose.request.set_step(first ? v1::STEP_APP_CREATE : v1::STEP_APP_SELECT);
      if (ok) ok = Took("RecordStep", co_await choose, choose);
      UnaryCall<Apps, v1::CreateApplicationRequest, v1::CreateApplicationResponse> create(stubs.application->async(),
                                                                                          &Apps::CreateApplication);
      if (first) {
        create.request.set_request_id(RandomUuid(absl::Now()).ToString());
        create.request.set_product(kProduct);
        create.request.set_access_token(list.request.access_token());
        create.request.set_flow_token(token);
        create.request.set_name(absl::StrCat("application ", login));
      }
      if (ok && first) ok = Took("CreateApplication", co_await create, create);
      FlowCall<v1::RecordStepRequest, v1::RecordStepResponse> profile(stubs.flow->async(), &Flows::RecordStep);
      profile.request.set_flow_token(token);
      profile.request.set_step(v1::STEP_PROFILE_CONFIGURE);
      if (ok) ok = Took("RecordStep", co_await profile, profile);
      FlowCall<v1::FinishFlowRequest, v1::FinishFlowResponse> finish(stubs.flow->async(), &Flows::FinishFlow);
      finish.request.set_flow_token(token);
      finish.request.mutable_outcome()->mutable_completed();
      if (ok) ok = Took("FinishFlow", co_await finish, finish);

      if (!ok || !posters_.empty()) watch->Cancel();
      ReadStream<v1::WatchFlowResponse>& open = *watch;
      co_await open;
      if (ok && posters_.empty() && !(watch->status().ok() && watch->last().flow().outcome().has_completed())) {
        Failed("WatchFlow did not end with the outcome");
      }
      if (login + 1 == count_) {
        Keep("StartFlow", start.response);
        Keep("WatchFlow", watch->last());
        Keep("RecordStep.1", browser.response);
        Keep("ExchangeCode", exchange.response);
        Keep("ListApplications", list.response);
        Keep("RecordStep", profile.response);
        Keep("FinishFlow", finish.response);
      }
      micros_[login] =
          static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun).count());
    }
    // The last thing: Run returns.
    std::lock_guard lock(mutex_);
    ++finished_;
    done_.notify_one();
  }

  template <typename Call>
  bool Took(const char* what, bool ok, const Call& call) {
    if (!ok) Failed(absl::StrCat(what, ": ", call.status.error_message()));
    return ok;
  }

  void Failed(const std::string& what) {
    if (++failed_ == 1) std::cerr << what << "\n";
  }

  template <typename Response>
  void Keep(const std::string& what, const Response& response) const {
    if (samples.empty()) return;
    std::ofstream(absl::StrCat(samples, "/", what), std::ios::binary) << response.SerializeAsString();
  }

  const size_t count_;
  std::vector<std::unique_ptr<Stubs>> stubs_;
  std::vector<std::unique_ptr<Poster>> posters_;
  std::vector<uint32_t> micros_;
  std::atomic<size_t> next_ = 0;
  std::atomic<size_t> failed_ = 0;
  std::mutex mutex_;
  std::condition_variable done_;
  size_t finished_ = 0;
};

int RunExchange(const std::string& address, size_t count, size_t in_flight) {
  Logins logins(address, count);
  logins.ready.resize(count);
  if (!logins.Run(256, false)) return 1;
  Load<v1::TokenService, v1::ExchangeCodeRequest, v1::ExchangeCodeResponse> load(
      Channels(address, nullptr), count, in_flight,
      [](auto& stub, auto* context, auto* request, auto* response, auto done) {
        stub.async()->ExchangeCode(context, request, response, std::move(done));
      },
      [&](size_t call, v1::ExchangeCodeRequest& request) { request = logins.ready[call]; },
      [](size_t, const v1::ExchangeCodeResponse&) {});
  return load.Run() ? 0 : 1;
}

}  // namespace
}  // namespace authflow

int main(int argc, char** argv) {
  const std::string verb = argc > 4 ? argv[1] : "";
  const size_t count = argc > 4 ? std::strtoul(argv[3], nullptr, 10) : 0;
  const size_t in_flight = argc > 4 ? std::min<size_t>(std::strtoul(argv[4], nullptr, 10), count) : 0;
  if (verb == "exchange" && argc == 5) return authflow::RunExchange(argv[2], count, in_flight);
  if ((verb == "real" || verb == "bare") && argc == 6) {
    authflow::Logins logins(argv[2], count);
    (verb == "real" ? logins.samples : logins.token_endpoint) = argv[5];
    return logins.Run(in_flight, true) ? 0 : 1;
  }
  std::cerr << "usage: logins real HOST:PORT COUNT IN_FLIGHT SAMPLES\n"
               "       logins bare HOST:PORT COUNT IN_FLIGHT TOKEN_HOST:PORT\n"
               "       logins exchange HOST:PORT COUNT IN_FLIGHT\n";
  return 2;
}
