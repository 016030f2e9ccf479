#include "server/delivery/segment_sink.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "server/delivery/backoff.h"
#include "server/events/segment.h"

namespace authflow {
namespace {

using Result = Delivery::Result;

class SegmentSink final : public Sink {
 public:
  SegmentSink(SegmentOptions options, HttpClient& http, const Clock& clock)
      : options_(std::move(options)),
        url_(BatchUrl(options_.endpoint)),
        // The write key is the user, the password is empty (RFC 7617).
        authorization_("Basic " + absl::Base64Escape(options_.write_key.Reveal() + ":")),
        http_(http),
        clock_(clock) {}

  const char* kind() const override { return "segment"; }
  absl::Duration timeout() const override { return options_.timeout; }

  Task<Delivery> Deliver(std::vector<std::string> messages) override {
    HttpRequest request;
    request.method = "POST";
    request.url = url_;
    request.headers.emplace_back("Content-Type", "application/json");
    request.authorization = authorization_;
    request.body = Secret(Body(messages));
    request.timeout = options_.timeout;
    request.ca_file = options_.ca_file;
    const absl::StatusOr<HttpResponse> answer = co_await http_.Send(std::move(request));
    co_return ClassifySegmentAnswer(answer, clock_.Now());
  }

 private:
  static std::string BatchUrl(std::string endpoint) {
    while (!endpoint.empty() && endpoint.back() == '/') endpoint.pop_back();
    return endpoint + "/v1/batch";
  }

  // The messages are JSON already.
  std::string Body(const std::vector<std::string>& messages) const {
    std::string body = R"({"batch":[)";
    for (const std::string& message : messages) {
      if (body.back() != '[') body += ',';
      body += message;
    }
    body += R"(],"sentAt":")" + SegmentTime(clock_.Now()) + R"("})";
    return body;
  }

  const SegmentOptions options_;
  const std::string url_;
  const Secret authorization_;
  HttpClient& http_;
  const Clock& clock_;
};

Delivery ClassifyBrokenWire(const absl::Status& status) {
  Delivery delivery;
  switch (status.code()) {
    case absl::StatusCode::kDeadlineExceeded:
      delivery.reason = "timeout";
      break;
    case absl::StatusCode::kUnavailable:
      delivery.reason = "unreachable";
      break;
    case absl::StatusCode::kInvalidArgument:
      delivery.result = Result::kOutage;
      delivery.reason = "bad_url";
      break;
    default:
      delivery.reason = "bad_answer";
  }
  return delivery;
}

}  // namespace

Delivery ClassifySegmentAnswer(const absl::StatusOr<HttpResponse>& answer, absl::Time now) {
  if (!answer.ok()) return ClassifyBrokenWire(answer.status());
  const int status = answer->status;
  Delivery delivery;
  if (status >= 200 && status < 300) {
    delivery.result = Result::kDelivered;
    return delivery;
  }
  delivery.reason = std::to_string(status);
  if (status == 400 || status == 413 || status == 422) {
    delivery.result = Result::kRefused;
  } else if (status == 408 || status == 425 || status == 429 || status >= 500) {
    delivery.retry_after = ParseRetryAfter(answer->Header("retry-after"), now);
  } else {
    delivery.result = Result::kOutage;
  }
  return delivery;
}

std::shared_ptr<Sink> NewSegmentSink(SegmentOptions options, HttpClient& http, const Clock& clock) {
  return std::make_shared<SegmentSink>(std::move(options), http, clock);
}

}  // namespace authflow
