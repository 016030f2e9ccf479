#include "server/delivery/segment_sink.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "tests/support/run_task.h"

namespace authflow {
namespace {

using Result = Delivery::Result;

// Answers as told, and keeps the last request.
class FakeHttp final : public HttpClient {
 public:
  Task<absl::StatusOr<HttpResponse>> Send(HttpRequest request) override {
    last = std::move(request);
    co_return answer;
  }
  HttpRequest last;
  absl::StatusOr<HttpResponse> answer = HttpResponse{.status = 200};
};

class SegmentSinkTest : public testing::Test {
 protected:
  std::shared_ptr<Sink> Make(std::string endpoint) {
    SegmentOptions options;
    options.endpoint = std::move(endpoint);
    options.write_key = Secret("key");
    options.timeout = absl::Seconds(12);
    options.ca_file = "/ca.pem";
    return NewSegmentSink(std::move(options), http_, clock_);
  }
  Delivery Deliver(std::vector<std::string> messages) {
    return Wait(Make("http://127.0.0.1:1")->Deliver(std::move(messages)));
  }

  FakeClock clock_{absl::FromUnixMillis(1'795'500'000'123)};
  FakeHttp http_;
};

TEST_F(SegmentSinkTest, PostsABatch) {
  EXPECT_EQ(Deliver({R"({"messageId":"m1"})", R"({"messageId":"m2"})"}).result, Result::kDelivered);
  EXPECT_EQ(http_.last.method, "POST");
  EXPECT_EQ(http_.last.url, "http://127.0.0.1:1/v1/batch");
  EXPECT_EQ(http_.last.authorization.Reveal(), "Basic a2V5Og==");  // "key:"
  EXPECT_EQ(http_.last.timeout, absl::Seconds(12));
  EXPECT_EQ(http_.last.ca_file, "/ca.pem");
  const std::vector<std::pair<std::string, std::string>> headers = {{"Content-Type", "application/json"}};
  EXPECT_EQ(http_.last.headers, headers);
  EXPECT_EQ(http_.last.body.Reveal(),
            R"({"batch":[{"messageId":"m1"},{"messageId":"m2"}],"sentAt":"2026-11-24T06:00:00.123Z"})");
}

TEST_F(SegmentSinkTest, AFullBatchStaysBelow500KBWithItsEnvelope) {
  std::vector<std::string> messages;
  for (size_t bytes = 0; bytes < kMaxBatchBytes;) {
    const size_t size = std::min<size_t>(30'000, kMaxBatchBytes - bytes - 1);
    messages.push_back(std::string(size, '1'));
    bytes += size + 1;
  }
  Deliver(messages);
  EXPECT_LE(http_.last.body.Reveal().size(), 500'000u);
  EXPECT_GT(http_.last.body.Reveal().size(), 499'000u);
}

TEST_F(SegmentSinkTest, ASlashBehindTheEndpointIsOneTooMany) {
  Wait(Make("https://events.example/segment/")->Deliver({"{}"}));
  EXPECT_EQ(http_.last.url, "https://events.example/segment/v1/batch");
}

TEST_F(SegmentSinkTest, EachAnswerHasItsMeaning) {
  const struct {
    int status;
    Result result;
  } kTable[] = {
      {200, Result::kDelivered}, {202, Result::kDelivered}, {204, Result::kDelivered}, {400, Result::kRefused},
      {413, Result::kRefused},   {422, Result::kRefused},   {401, Result::kOutage},    {403, Result::kOutage},
      {404, Result::kOutage},    {301, Result::kOutage},    {405, Result::kOutage},    {410, Result::kOutage},
      {408, Result::kRetry},     {425, Result::kRetry},     {429, Result::kRetry},     {500, Result::kRetry},
      {502, Result::kRetry},     {503, Result::kRetry},     {599, Result::kRetry},
  };
  for (const auto& row : kTable) {
    http_.answer = HttpResponse{.status = row.status};
    const Delivery delivery = Deliver({"{}"});
    EXPECT_EQ(delivery.result, row.result) << row.status;
    EXPECT_EQ(delivery.reason, row.result == Result::kDelivered ? "" : std::to_string(row.status));
  }
}

TEST_F(SegmentSinkTest, ABrokenWireIsARetry) {
  const struct {
    absl::Status status;
    Result result;
    std::string reason;
  } kTable[] = {
      {absl::DeadlineExceededError("x"), Result::kRetry, "timeout"},
      {absl::UnavailableError("x"), Result::kRetry, "unreachable"},
      {absl::ResourceExhaustedError("x"), Result::kRetry, "bad_answer"},
      {absl::InvalidArgumentError("x"), Result::kOutage, "bad_url"},
  };
  for (const auto& row : kTable) {
    http_.answer = row.status;
    const Delivery delivery = Deliver({"{}"});
    EXPECT_EQ(delivery.result, row.result) << row.reason;
    EXPECT_EQ(delivery.reason, row.reason);
  }
}

TEST_F(SegmentSinkTest, RetryAfterIsRead) {
  HttpResponse busy{.status = 429};
  busy.headers.emplace_back("retry-after", "17");
  http_.answer = busy;
  EXPECT_EQ(Deliver({"{}"}).retry_after, absl::Seconds(17));
  busy.headers[0].second = "Tue, 24 Nov 2026 06:01:00 GMT";
  http_.answer = busy;
  EXPECT_EQ(Deliver({"{}"}).retry_after, absl::Seconds(60) - absl::Milliseconds(123));
}

}  // namespace
}  // namespace authflow
