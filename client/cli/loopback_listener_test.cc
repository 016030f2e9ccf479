#include "client/cli/loopback_listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace authflow {
namespace {

using boost::asio::ip::tcp;
using testing::HasSubstr;
using testing::StartsWith;

// A listener on a loop of its own, and a blocking browser.
class LoopbackListenerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto listener = LoopbackListener::Listen(loop_.get_executor(), "127.0.0.1", 0, "/callback");
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *listener;
    Expect("right");
    thread_ = std::thread([this] { loop_.run(); });
  }
  void TearDown() override {
    boost::asio::post(loop_, [this] { listener_->Close(); });
    work_.reset();
    thread_.join();
  }

  void Expect(const std::string& state) {
    listener_->Expect(Secret(state), [this](std::string query) {
      std::lock_guard lock(mutex_);
      arrived_.push_back(query);
      if (arrived_.size() == awaited_) all_arrived_.set_value();
    });
  }
  std::vector<std::string> Arrived() {
    std::lock_guard lock(mutex_);
    return arrived_;
  }
  void OnLoop(std::function<void()> call) {
    std::promise<void> done;
    boost::asio::post(loop_, [&] {
      call();
      done.set_value();
    });
    done.get_future().wait();
  }

  tcp::socket Connect() {
    tcp::socket socket(browser_);
    socket.connect(tcp::endpoint(boost::asio::ip::address_v4::loopback(), listener_->port()));
    return socket;
  }
  std::string Host() { return "127.0.0.1:" + std::to_string(listener_->port()); }
  std::string Ask(const std::string& request) {
    tcp::socket socket = Connect();
    boost::asio::write(socket, boost::asio::buffer(request));
    return ReadAll(socket);
  }
  static std::string ReadAll(tcp::socket& socket) {
    std::string response;
    boost::system::error_code error;
    boost::asio::read(socket, boost::asio::dynamic_buffer(response), error);
    return response;
  }
  std::string Get(const std::string& target, const std::string& host = "", const std::string& method = "GET") {
    return Ask(method + " " + target + " HTTP/1.1\r\nHost: " + (host.empty() ? Host() : host) + "\r\n\r\n");
  }

  boost::asio::io_context browser_;
  boost::asio::io_context loop_;
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_{loop_.get_executor()};
  std::shared_ptr<LoopbackListener> listener_;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<std::string> arrived_;
  size_t awaited_ = 1;
  std::promise<void> all_arrived_;
};

TEST_F(LoopbackListenerTest, StrayRequestsEndNothing) {
  const std::string good = "/callback?code=c&state=right";
  EXPECT_THAT(Get("/favicon.ico"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Get("/"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Get("/callback/?code=c&state=right"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Get("/callback"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Get("/callback?code=c"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Get("/callback?code=c&state=wrong"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Get("/callback?error=access_denied&state="), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Get("/callback?code=c&state=right&state=right"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Get(good, "evil.example"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Get(good, "127.0.0.1:1"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Get(good, "127.0.0.1"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Get(good, "", "POST"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Get(good, "", "HEAD"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Get("/callback?state=right&x=" + std::string(9000, 'x')), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Ask("GET / HTTP/1.1\r\nX: " + std::string(20000, 'x')), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Ask("garbage\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_TRUE(Arrived().empty());
}

TEST_F(LoopbackListenerTest, TheRedirectIsAnsweredOnlyWhenTheOutcomeIsKnown) {
  auto page = std::async(std::launch::async, [this] { return Get("/callback?code=c%2F1&state=right&iss=i"); });
  all_arrived_.get_future().wait();
  EXPECT_EQ(Arrived(), std::vector<std::string>{"code=c%2F1&state=right&iss=i"});
  EXPECT_EQ(page.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  OnLoop([this] { listener_->Answer({.heading = "You are signed in"}); });
  const std::string answer = page.get();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("You are signed in"));
}

TEST_F(LoopbackListenerTest, OtherHostNamesOfLoopbackAreOurs) {
  OnLoop([this] { listener_->Answer({.heading = "Done"}); });
  const std::string port = ":" + std::to_string(listener_->port());
  for (const std::string& host : {"localhost" + port, "LOCALHOST" + port, "[::1]" + port}) {
    EXPECT_THAT(Get("/callback?state=right&code=c", host), StartsWith("HTTP/1.1 200")) << host;
  }
}

TEST_F(LoopbackListenerTest, AReloadWaitsForTheSameAnswer) {
  auto first = std::async(std::launch::async, [this] { return Get("/callback?code=c&state=right"); });
  all_arrived_.get_future().wait();
  tcp::socket second = Connect();
  const std::string again = "GET /callback?code=c&state=right HTTP/1.1\r\nHost: " + Host() + "\r\n\r\n";
  boost::asio::write(second, boost::asio::buffer(again));
  OnLoop([this] { listener_->Answer({.heading = "Done"}); });
  EXPECT_THAT(first.get(), HasSubstr("Done"));
  EXPECT_THAT(ReadAll(second), HasSubstr("Done"));
  EXPECT_EQ(Arrived().size(), 1u);
}

TEST_F(LoopbackListenerTest, AfterARedirectThatWasNoneTheNextOneCounts) {
  auto stray = std::async(std::launch::async, [this] { return Get("/callback?state=right"); });
  all_arrived_.get_future().wait();
  OnLoop([this] {
    listener_->AnswerAndGoOn({.status = 400, .heading = "Not that"});
    awaited_ = 2;
    all_arrived_ = {};
  });
  EXPECT_THAT(stray.get(), HasSubstr("Not that"));
  auto page = std::async(std::launch::async, [this] { return Get("/callback?code=c&state=right"); });
  all_arrived_.get_future().wait();
  OnLoop([this] { listener_->Answer({.heading = "Done"}); });
  EXPECT_THAT(page.get(), HasSubstr("Done"));
}

TEST_F(LoopbackListenerTest, ANewAttemptHasItsOwnState) {
  OnLoop([this] { Expect("second"); });
  EXPECT_THAT(Get("/callback?code=c&state=right"), StartsWith("HTTP/1.1 400"));
  auto page = std::async(std::launch::async, [this] { return Get("/callback?code=c&state=second"); });
  all_arrived_.get_future().wait();
  OnLoop([this] { listener_->Answer({.heading = "Done"}); });
  EXPECT_THAT(page.get(), HasSubstr("Done"));
}

TEST_F(LoopbackListenerTest, AnIdleConnectionKeepsNobodyWaiting) {
  tcp::socket idle = Connect();
  EXPECT_THAT(Get("/"), StartsWith("HTTP/1.1 404"));
}

TEST_F(LoopbackListenerTest, FlushReturnsWhenTheAnswerIsSent) {
  auto page = std::async(std::launch::async, [this] { return Get("/callback?code=c&state=right"); });
  all_arrived_.get_future().wait();
  std::promise<void> flushed;
  OnLoop([&] {
    listener_->Answer({.heading = "Done"});
    boost::asio::co_spawn(loop_, listener_->Flush(SteadyNow() + std::chrono::seconds(60)),
                          [&](std::exception_ptr) { flushed.set_value(); });
  });
  flushed.get_future().wait();
  EXPECT_THAT(page.get(), HasSubstr("Done"));
}

TEST_F(LoopbackListenerTest, ATakenPortIsSaid) {
  const auto second = LoopbackListener::Listen(loop_.get_executor(), "127.0.0.1", listener_->port(), "/callback");
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
}

}  // namespace
}  // namespace authflow
