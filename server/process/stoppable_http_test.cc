#include "server/process/stoppable_http.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <string>
#include <vector>

#include "server/process/workers.h"

namespace authflow {
namespace {

using Answer = absl::StatusOr<HttpResponse>;

// Answers URLs "now" at once and all others when it is destroyed, as the real one does.
class FakeHttp final : public HttpClient {
 public:
  explicit FakeHttp(std::atomic<bool>* destroyed) : destroyed_(destroyed) {}
  ~FakeHttp() override {
    *destroyed_ = true;
    for (auto& done : hanging_) done(absl::UnavailableError("destroyed"));
  }
  Task<Answer> Send(HttpRequest request) override {
    EXPECT_FALSE(*destroyed_);
    if (request.url == "now") {
      HttpResponse response;
      response.status = 204;
      co_return response;
    }
    auto start = [this](Done<Answer> done) {
      absl::MutexLock lock(&mutex_);
      hanging_.push_back(std::move(done));
    };
    co_return co_await Await<Answer>(start);
  }

 private:
  std::atomic<bool>* const destroyed_;
  absl::Mutex mutex_;
  std::vector<Done<Answer>> hanging_;
};

class StoppableHttpTest : public ::testing::Test {
 protected:
  std::future<Answer> Send(const std::string& url) {
    HttpRequest request;
    request.url = url;
    auto task = http_.Send(std::move(request));
    return boost::asio::co_spawn(workers_.executor(), std::move(task), boost::asio::use_future);
  }

  Workers workers_;
  std::atomic<bool> destroyed_ = false;
  StoppableHttp http_{std::make_unique<FakeHttp>(&destroyed_), workers_.executor()};
};

TEST_F(StoppableHttpTest, PassesRequestsOn) {
  const Answer answer = Send("now").get();
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 204);
}

TEST_F(StoppableHttpTest, StopEndsWhatHangsAndRefusesWhatComes) {
  std::vector<std::future<Answer>> hanging;
  for (int i = 0; i < 50; ++i) hanging.push_back(Send("hang"));
  http_.Stop();
  EXPECT_TRUE(destroyed_);
  for (auto& future : hanging) EXPECT_EQ(future.get().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Send("now").get().status().code(), absl::StatusCode::kUnavailable);
  workers_.Join();
}

}  // namespace
}  // namespace authflow
