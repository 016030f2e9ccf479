#include "client/authflow_client.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <limits>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "authflow/v1/flow_service.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace authflow {
namespace {

grpc::Status Named(grpc::StatusCode code, const std::string& reason, const std::string& domain = "authflow") {
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain(domain);
  (*info.mutable_metadata())["flow_id"] = "f-1";
  google::rpc::Status details;
  details.set_code(code);
  details.add_details()->PackFrom(info);
  return grpc::Status(code, "A sentence.", details.SerializeAsString());
}

// A function that the test sets and that the server's threads call.
template <typename Function>
class Settable {
 public:
  template <typename F>
  void operator=(F function) {
    absl::MutexLock lock(&mutex_);
    function_ = std::move(function);
  }
  template <typename... Arguments>
  grpc::Status operator()(Arguments&&... arguments) {
    Function function;
    {
      absl::MutexLock lock(&mutex_);
      function = function_;
    }
    return function(std::forward<Arguments>(arguments)...);
  }

 private:
  absl::Mutex mutex_;
  Function function_ ABSL_GUARDED_BY(mutex_);
};

// Answers as each test says.
class FlowServer final : public v1::FlowService::Service {
 public:
  grpc::Status GetFlow(grpc::ServerContext* context, const v1::GetFlowRequest* request,
                       v1::GetFlowResponse* response) override {
    return get_flow(context, *request, *response);
  }
  grpc::Status WatchFlow(grpc::ServerContext* context, const v1::WatchFlowRequest*,
                         grpc::ServerWriter<v1::WatchFlowResponse>* writer) override {
    return watch_flow(context, *writer);
  }
  Settable<std::function<grpc::Status(grpc::ServerContext*, const v1::GetFlowRequest&, v1::GetFlowResponse&)>> get_flow;
  Settable<std::function<grpc::Status(grpc::ServerContext*, grpc::ServerWriter<v1::WatchFlowResponse>&)>> watch_flow;
};

class ClientTest : public testing::Test {
 protected:
  void SetUp() override {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    auto client = Client::Create({.server = "127.0.0.1:" + std::to_string(port)});
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *client;
  }
  void TearDown() override { EndServer(); }

  // Handlers use what stands on a test's stack: a test that leaves one behind ends the server first.
  void EndServer() {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
    server_->Wait();
  }

  absl::StatusOr<v1::GetFlowResponse> GetFlow(CallOptions options = {}) {
    return Wait(*client_, &Client::GetFlow, v1::GetFlowRequest(), options);
  }

  FlowServer service_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<Client> client_;
};

TEST_F(ClientTest, AnAnswerArrives) {
  service_.get_flow = [](auto*, const auto& request, auto& response) {
    response.mutable_flow()->set_flow_id(request.flow_token() + "!");
    return grpc::Status::OK;
  };
  v1::GetFlowRequest request;
  request.set_flow_token("t");
  const auto response = Wait(*client_, &Client::GetFlow, request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->flow().flow_id(), "t!");
}

TEST_F(ClientTest, ARefusalHasItsClassItsMetadataAndIsNotTriedAgain) {
  const struct {
    grpc::StatusCode code;
    const char* reason;
    ErrorClass error_class;
  } kCases[] = {{grpc::StatusCode::FAILED_PRECONDITION, "FLOW_FINISHED", v1::ERROR_CLASS_FLOW_FINISHED},
                {grpc::StatusCode::UNAVAILABLE, "PROVIDER_UNREACHABLE", v1::ERROR_CLASS_PROVIDER_UNREACHABLE},
                {grpc::StatusCode::DEADLINE_EXCEEDED, "PROVIDER_TIMEOUT", v1::ERROR_CLASS_PROVIDER_TIMEOUT},
                {grpc::StatusCode::ABORTED, "ANSWER_GONE", v1::ERROR_CLASS_ANSWER_GONE}};
  for (const auto& c : kCases) {
    std::atomic<int> calls = 0;
    service_.get_flow = [&](auto*, const auto&, auto&) {
      ++calls;
      return Named(c.code, c.reason);
    };
    const auto response = GetFlow();
    EXPECT_EQ(ClassOf(response.status()), c.error_class) << c.reason;
    EXPECT_EQ(static_cast<int>(response.status().code()), c.code) << c.reason;
    EXPECT_EQ(response.status().message(), "A sentence.");
    EXPECT_EQ(MetadataOf(response.status())["flow_id"], "f-1");
    EXPECT_FALSE(IsNetworkError(response.status()));
    EXPECT_EQ(calls, 1) << c.reason;
  }
}

TEST_F(ClientTest, AClassThatIsNotKnownIsAPlainStatus) {
  for (const auto& status : {Named(grpc::StatusCode::NOT_FOUND, "FROM_THE_FUTURE"),
                             Named(grpc::StatusCode::NOT_FOUND, "FLOW_FINISHED", "another.example"),
                             grpc::Status(grpc::StatusCode::NOT_FOUND, "m", "\xff garbage")}) {
    service_.get_flow = [&](auto*, const auto&, auto&) { return status; };
    const auto response = GetFlow();
    EXPECT_EQ(ClassOf(response.status()), v1::ERROR_CLASS_UNSPECIFIED);
    EXPECT_TRUE(absl::IsNotFound(response.status()));
  }
}

TEST_F(ClientTest, ABrokenWayAndAStoreThatIsAwayAreTriedAgain) {
  for (const auto& failure : {grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone"),
                              Named(grpc::StatusCode::UNAVAILABLE, "STORE_UNAVAILABLE")}) {
    std::atomic<int> calls = 0;
    service_.get_flow = [&](auto*, const auto&, auto&) { return ++calls < 3 ? failure : grpc::Status::OK; };
    EXPECT_TRUE(GetFlow().ok());
    EXPECT_EQ(calls, 3);
  }
}

grpc::Status Busy(int64_t seconds, int nanos) {
  const grpc::Status busy = Named(grpc::StatusCode::UNAVAILABLE, "SERVER_BUSY");
  google::rpc::Status details;
  details.ParseFromString(busy.error_details());
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(seconds);
  retry.mutable_retry_delay()->set_nanos(nanos);
  details.add_details()->PackFrom(retry);
  return grpc::Status(busy.error_code(), busy.error_message(), details.SerializeAsString());
}

TEST_F(ClientTest, APauseThatMakesNoSenseDoesNoHarm) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  std::atomic<int> calls = 0;
  service_.get_flow = [&](auto*, const auto&, auto&) { return ++calls, Busy(kMost, 0); };
  EXPECT_EQ(ClassOf(GetFlow().status()), v1::ERROR_CLASS_SERVER_BUSY);
  EXPECT_EQ(calls, 1) << "there is no time to wait so long";
  calls = 0;
  service_.get_flow = [&](auto*, const auto&, auto&) { return ++calls < 2 ? Busy(-kMost, -1) : grpc::Status::OK; };
  EXPECT_TRUE(GetFlow().ok());
}

TEST_F(ClientTest, ABusyServerIsLeftAloneForAsLongAsItSays) {
  std::vector<absl::Time> calls;  // one after the other
  service_.get_flow = [&](auto*, const auto&, auto&) {
    calls.push_back(absl::Now());
    return calls.size() < 2 ? Busy(0, 400'000'000) : grpc::Status::OK;
  };
  EXPECT_TRUE(GetFlow().ok());
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_GE(calls[1] - calls[0], absl::Milliseconds(400));
}

TEST_F(ClientTest, RetriesEndInTime) {
  service_.get_flow = [](auto*, const auto&, auto&) { return grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone"); };
  const absl::Time begun = absl::Now();
  const auto response = GetFlow({.deadline = absl::Seconds(30), .retry_for = absl::Milliseconds(300)});
  EXPECT_TRUE(absl::IsUnavailable(response.status()));
  EXPECT_TRUE(IsNetworkError(response.status()));
  EXPECT_LT(absl::Now() - begun, absl::Seconds(10));
}

TEST_F(ClientTest, NobodyThereIsUnavailable) {
  server_->Shutdown();
  const auto response = GetFlow({.deadline = absl::Seconds(30), .retry_for = absl::ZeroDuration()});
  EXPECT_TRUE(absl::IsUnavailable(response.status())) << response.status();
}

// A handler that runs until its call is cancelled.
struct Hanging {
  std::promise<void> arrived;
  std::atomic<bool> cancelled = false;
  grpc::Status operator()(grpc::ServerContext* context) {
    arrived.set_value();
    while (!context->IsCancelled()) std::this_thread::yield();
    cancelled = true;
    return grpc::Status::CANCELLED;
  }
};

TEST_F(ClientTest, TheDeadlineIsTheCallsOwn) {
  Hanging hanging;
  service_.get_flow = [&](auto* context, const auto&, auto&) { return hanging(context); };
  const auto response = GetFlow({.deadline = absl::Milliseconds(200)});
  EXPECT_TRUE(absl::IsDeadlineExceeded(response.status())) << response.status();
  EXPECT_TRUE(IsNetworkError(response.status()));
  EndServer();
}

TEST_F(ClientTest, CancelEndsACallUnderWay) {
  Hanging hanging;
  service_.get_flow = [&](auto* context, const auto&, auto&) { return hanging(context); };
  std::promise<absl::Status> answered;
  const Call call =
      client_->GetFlow({}, {.deadline = absl::Seconds(60)},
                       [&](absl::StatusOr<v1::GetFlowResponse> response) { answered.set_value(response.status()); });
  hanging.arrived.get_future().wait();
  call.Cancel();
  call.Cancel();
  EXPECT_TRUE(absl::IsCancelled(answered.get_future().get()));
  EndServer();
}

TEST_F(ClientTest, CancelAndStopRetryingEndTheWaitBetweenTwoTries) {
  for (const bool cancel : {true, false}) {
    std::promise<void> tried;
    std::atomic<int> calls = 0;
    // The fifth try: the next wait is half a second at least.
    service_.get_flow = [&](auto*, const auto&, auto&) {
      if (++calls == 5) tried.set_value();
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone");
    };
    std::promise<absl::Status> answered;
    const Call call = client_->GetFlow({}, {.deadline = absl::Seconds(60)},
                                       [&](absl::StatusOr<v1::GetFlowResponse> r) { answered.set_value(r.status()); });
    tried.get_future().wait();
    if (cancel) {
      call.Cancel();
    } else {
      call.StopRetrying();
    }
    const absl::Status status = answered.get_future().get();
    EXPECT_EQ(status.code(), cancel ? absl::StatusCode::kCancelled : absl::StatusCode::kUnavailable);
    EXPECT_EQ(calls, 5);
  }
}

TEST_F(ClientTest, ACallOutlivesItsClient) {
  service_.get_flow = [](auto*, const auto&, auto&) { return grpc::Status::OK; };
  std::promise<absl::Status> answered;
  client_->GetFlow({}, {}, [&](absl::StatusOr<v1::GetFlowResponse> r) { answered.set_value(r.status()); });
  client_.reset();
  EXPECT_TRUE(answered.get_future().get().ok());
}

TEST_F(ClientTest, AWatchOpensItselfAgainUntilTheOutcome) {
  std::atomic<int> streams = 0;
  service_.watch_flow = [&](auto*, auto& writer) {
    const int stream = ++streams;
    v1::WatchFlowResponse message;
    message.mutable_flow()->set_attempt(stream);
    if (stream == 3) message.mutable_flow()->mutable_outcome()->mutable_completed();
    message.set_draining(stream == 2);
    writer.Write(message);
    return stream == 1 ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone") : grpc::Status::OK;
  };
  std::vector<int> seen;
  std::promise<absl::Status> ended;
  const auto watch = client_->WatchFlow(
      {}, [&](const v1::WatchFlowResponse& message) { seen.push_back(message.flow().attempt()); },
      [&](absl::Status status) { ended.set_value(status); });
  EXPECT_TRUE(ended.get_future().get().ok());
  EXPECT_EQ(seen, (std::vector<int>{1, 2, 3}));
}

TEST_F(ClientTest, AWatchEndsWhenReplacedOrRefused) {
  std::atomic<int> streams = 0;
  for (const bool replaced : {true, false}) {
    service_.watch_flow = [&, replaced](auto*, auto& writer) {
      ++streams;
      if (!replaced) return Named(grpc::StatusCode::UNAUTHENTICATED, "FLOW_TOKEN_INVALID");
      v1::WatchFlowResponse message;
      message.set_replaced(true);
      writer.Write(message);
      return grpc::Status::OK;
    };
    std::promise<absl::Status> ended;
    const auto watch = client_->WatchFlow(
        {}, [](const auto&) {}, [&](absl::Status status) { ended.set_value(status); });
    const absl::Status status = ended.get_future().get();
    EXPECT_EQ(ClassOf(status), replaced ? v1::ERROR_CLASS_UNSPECIFIED : v1::ERROR_CLASS_FLOW_TOKEN_INVALID);
  }
  EXPECT_EQ(streams, 2);
}

TEST_F(ClientTest, AWatchAsksWhereStreamsAreBlocked) {
  Hanging hanging;
  service_.watch_flow = [&](auto* context, auto&) { return hanging(context); };
  std::atomic<int> asked = 0;
  service_.get_flow = [&](auto*, const auto& request, auto& response) {
    response.mutable_flow()->set_flow_id(request.flow_token());
    if (++asked == 2) response.mutable_flow()->mutable_outcome()->mutable_completed();
    return grpc::Status::OK;
  };
  const auto impatient = *Client::Create({.server = client_->server(), .poll_after = absl::Milliseconds(1)});
  v1::WatchFlowRequest request;
  request.set_flow_token("token");
  std::atomic<int> told = 0;
  std::vector<std::string> seen;
  std::promise<absl::Status> ended;
  const auto watch = impatient->WatchFlow(
      request, [&](const v1::WatchFlowResponse& message) { seen.push_back(message.flow().flow_id()); },
      [&](absl::Status status) { ended.set_value(status); }, [&] { ++told; });
  EXPECT_TRUE(ended.get_future().get().ok());
  EXPECT_EQ(seen, (std::vector<std::string>{"token", "token"}));
  EXPECT_EQ(told, 1);
  EndServer();
}

TEST_F(ClientTest, LettingGoOfAWatchEndsItsStream) {
  Hanging hanging;
  service_.watch_flow = [&](auto* context, auto&) { return hanging(context); };
  auto watch = client_->WatchFlow(
      {}, [](const auto&) {}, [](absl::Status) { ADD_FAILURE() << "nobody asked"; });
  hanging.arrived.get_future().wait();
  watch.reset();
  while (!hanging.cancelled) std::this_thread::yield();
  EndServer();
}

// The last that holds the channel is a thread of gRPC's, in more than one place: many rounds, for AddressSanitizer.
TEST_F(ClientTest, AStreamOutlivesItsClientAndItsWatch) {
  const std::string server = client_->server();
  client_.reset();
  service_.watch_flow = [](auto*, auto& writer) {
    v1::WatchFlowResponse message;
    message.set_replaced(true);
    writer.Write(message);
    return grpc::Status::OK;
  };
  for (int i = 0; i < 200; ++i) {
    auto client = *Client::Create({.server = server});
    std::promise<void> seen;
    auto watch = client->WatchFlow(
        {}, [&](const auto&) { seen.set_value(); }, [](absl::Status) {});
    seen.get_future().get();
    client.reset();
    watch.reset();
  }
}

}  // namespace
}  // namespace authflow
