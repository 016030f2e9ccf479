#include "server/rpc/bridge.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/thread_pool.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "authflow/v1/flow_service.grpc.pb.h"

namespace authflow {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr size_t kGetFlow = RpcMethodIndex("GetFlow");
const FlowId kFlow = *Uuid::Parse("0190a0b0-c0d0-8000-8000-000000000001");
constexpr size_t kWatchFlow = RpcMethodIndex("WatchFlow");

class Records final : public RpcObserver {
 public:
  void OnRpcStarted(size_t) override {
    absl::MutexLock lock(&mutex_);
    ++started_;
  }
  void OnRpcHandled(const RpcRecord& record) override {
    absl::MutexLock lock(&mutex_);
    handled_.push_back(record);
  }
  // Waits for the first `count` calls to be handled.
  std::vector<RpcRecord> Await(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto enough = [this, count]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return handled_.size() >= count; };
    mutex_.Await(absl::Condition(&enough));
    EXPECT_EQ(started_, handled_.size());
    return handled_;
  }

 private:
  absl::Mutex mutex_;
  size_t started_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<RpcRecord> handled_ ABSL_GUARDED_BY(mutex_);
};

// What the streams of the test watch.
struct Subject {
  absl::Mutex mutex;
  v1::Flow flow ABSL_GUARDED_BY(mutex);
  bool last ABSL_GUARDED_BY(mutex) = false;
  std::function<void()> changed ABSL_GUARDED_BY(mutex);

  void Change(int attempt, bool ends) {
    std::function<void()> tell;
    {
      absl::MutexLock lock(&mutex);
      flow.set_attempt(attempt);
      last = ends;
      tell = changed;
    }
    tell();
  }
};

// The world of the test's handlers; the flow_token of a request says what is to happen.
struct Stage {
  absl::Notification entered;
  absl::Mutex mutex;
  std::function<void(int)> resume ABSL_GUARDED_BY(mutex);  // the gate of "wait"
  absl::Notification went_on;
  Subject subject;
  absl::Notification look_dropped;
};

struct AtDestruction {
  explicit AtDestruction(absl::Notification* notification) : notification(notification) {}
  ~AtDestruction() { notification->Notify(); }
  absl::Notification* notification;
};

Task<absl::StatusOr<v1::GetFlowResponse>> Get(Stage& stage, v1::GetFlowRequest request, std::shared_ptr<Note> note) {
  if (request.flow_token() == "throw") throw std::runtime_error("cannot digest SECRET");
  if (request.flow_token() == "refuse") {
    note->Set(kFlow, v1::STEP_BROWSER_WAIT);
    co_return Refusal(v1::ERROR_CLASS_FLOW_NOT_FOUND, "gone");
  }
  if (request.flow_token() == "wait") {
    const int answer = co_await Await<int>([&stage](Done<int> done) {
      {
        absl::MutexLock lock(&stage.mutex);
        stage.resume = std::move(done);
      }
      stage.entered.Notify();
    });
    stage.went_on.Notify();
    if (answer != 7) co_return absl::InternalError("another answer");
  }
  v1::GetFlowResponse response;
  response.mutable_flow()->set_flow_id(request.flow_token());
  co_return response;
}

Task<absl::StatusOr<Look<v1::WatchFlowResponse>>> Watch(Stage& stage, v1::WatchFlowRequest request,
                                                        std::function<void()> changed, std::shared_ptr<Note>) {
  if (request.flow_token() == "refuse") co_return Refusal(v1::ERROR_CLASS_FLOW_NOT_FOUND, "gone");
  if (request.flow_token() == "throw") throw std::runtime_error("SECRET");
  {
    absl::MutexLock lock(&stage.subject.mutex);
    stage.subject.changed = std::move(changed);
  }
  auto watch = std::make_shared<AtDestruction>(&stage.look_dropped);
  stage.entered.Notify();
  co_return [&stage, watch](bool draining) {
    absl::MutexLock lock(&stage.subject.mutex);
    News<v1::WatchFlowResponse> news;
    *news.message.mutable_flow() = stage.subject.flow;
    news.message.set_draining(draining);
    news.last = stage.subject.last || draining;
    return news;
  };
}

class Service final : public v1::FlowService::WithRawCallbackMethod_GetFlow<
                          v1::FlowService::WithRawCallbackMethod_WatchFlow<v1::FlowService::Service>> {
 public:
  Service(Wire& wire, Stage& stage) : wire_(wire), stage_(stage) {}
  grpc::ServerUnaryReactor* GetFlow(grpc::CallbackServerContext* rpc, const grpc::ByteBuffer* in,
                                    grpc::ByteBuffer* out) override {
    return ServeUnary(wire_, *rpc, kGetFlow, *in, out, &Get, stage_);
  }
  grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchFlow(grpc::CallbackServerContext* rpc,
                                                        const grpc::ByteBuffer* in) override {
    return ServeStream(wire_, *rpc, kWatchFlow, *in, &Watch, stage_);
  }

 private:
  Wire& wire_;
  Stage& stage_;
};

class BridgeTest : public ::testing::Test {
 protected:
  BridgeTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    channel_ = server_->InProcessChannel({});
    stub_ = v1::FlowService::NewStub(channel_);
  }
  ~BridgeTest() override {
    server_->Shutdown();
    EXPECT_TRUE(nursery_.WaitUntilEmpty(absl::Seconds(30)));
    pool_.join();
  }

  grpc::Status Call(const std::string& token, v1::GetFlowResponse* response = nullptr) {
    v1::GetFlowRequest request;
    request.set_flow_token(token);
    v1::GetFlowResponse ignored;
    grpc::ClientContext context;
    return stub_->GetFlow(&context, request, response != nullptr ? response : &ignored);
  }

  grpc::Status CallRaw(const std::string& bytes) {
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::ClientContext context;
    grpc::GenericStub stub(channel_);
    absl::Notification done;
    grpc::Status status;
    stub.UnaryCall(&context, "/authflow.v1.FlowService/GetFlow", {}, &request, &response, [&](grpc::Status result) {
      status = result;
      done.Notify();
    });
    done.WaitForNotification();
    return status;
  }

  boost::asio::thread_pool pool_{2};
  Nursery nursery_;
  Records records_;
  Wire wire_{
      pool_.get_executor(), nursery_, records_, std::make_shared<Heartbeats>(pool_.get_executor(), absl::Hours(1)), {}};
  Stage stage_;
  Service service_{wire_, stage_};
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::FlowService::Stub> stub_;
};

TEST_F(BridgeTest, ACoroutinesAnswerIsTheReply) {
  v1::GetFlowResponse response;
  const grpc::Status status = Call("hello", &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.flow().flow_id(), "hello");
  const auto records = records_.Await(1);
  EXPECT_EQ(records[0].method, kGetFlow);
  EXPECT_EQ(records[0].code, absl::StatusCode::kOk);
}

TEST_F(BridgeTest, ARefusalIsToldAndCounted) {
  const grpc::Status status = Call("refuse");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_details(), HasSubstr("FLOW_NOT_FOUND"));
  const auto records = records_.Await(1);
  EXPECT_EQ(records[0].code, absl::StatusCode::kNotFound);
  EXPECT_EQ(records[0].reason, v1::ERROR_CLASS_FLOW_NOT_FOUND);
  EXPECT_EQ(records[0].flow_id, kFlow);
  EXPECT_EQ(records[0].step, v1::STEP_BROWSER_WAIT);
  EXPECT_GT(records[0].latency, absl::ZeroDuration());
}

TEST_F(BridgeTest, AnExceptionBecomesInternalAndKeepsItsWordsToItself) {
  const grpc::Status status = Call("throw");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_THAT(status.error_message(), Not(HasSubstr("SECRET")));
  EXPECT_THAT(records_.Await(1)[0].message, HasSubstr("std::runtime_error"));
  EXPECT_THAT(records_.Await(1)[0].message, Not(HasSubstr("SECRET")));
}

TEST_F(BridgeTest, CancellationEndsTheWaitAndNotTheWork) {
  grpc::ClientContext context;
  v1::GetFlowRequest request;
  request.set_flow_token("wait");
  v1::GetFlowResponse response;
  absl::Notification done;
  grpc::Status status;
  stub_->async()->GetFlow(&context, &request, &response, [&](grpc::Status result) {
    status = result;
    done.Notify();
  });
  stage_.entered.WaitForNotification();
  context.TryCancel();
  done.WaitForNotification();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  // The server has answered; the coroutine still waits.
  EXPECT_EQ(records_.Await(1)[0].code, absl::StatusCode::kCancelled);
  EXPECT_FALSE(nursery_.WaitUntilEmpty(absl::ZeroDuration()));
  EXPECT_FALSE(stage_.went_on.HasBeenNotified());
  {
    absl::MutexLock lock(&stage_.mutex);
    stage_.resume(7);
  }
  stage_.went_on.WaitForNotification();
  EXPECT_TRUE(nursery_.WaitUntilEmpty(absl::Seconds(30)));
  EXPECT_EQ(records_.Await(1).size(), 1u);
}

TEST_F(BridgeTest, AMessageThatCannotBeParsedIsAnInvalidRequest) {
  const std::string not_utf8 = std::string("\x0a\x02") + "\xc3\x28";
  const grpc::Status status = CallRaw(not_utf8);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_details(), HasSubstr("INVALID_REQUEST"));
  EXPECT_EQ(CallRaw("\x0a\x7f").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(BridgeTest, AnOversizedMessageIsAnInvalidRequest) {
  const grpc::Status status = Call(std::string(64 * 1024, 'x'));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("at most 65536"));
  EXPECT_TRUE(Call(std::string(60 * 1024, 'x')).ok());
}

class StreamTest : public BridgeTest {
 protected:
  std::unique_ptr<grpc::ClientReader<v1::WatchFlowResponse>> Open(grpc::ClientContext* context,
                                                                  const std::string& token = "") {
    v1::WatchFlowRequest request;
    request.set_flow_token(token);
    return stub_->WatchFlow(context, request);
  }
};

TEST_F(StreamTest, SendsTheStateNowAndAfterEachChangeAndEndsAfterTheLast) {
  grpc::ClientContext context;
  auto stream = Open(&context);
  v1::WatchFlowResponse message;
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_EQ(message.flow().attempt(), 0);
  stage_.subject.Change(1, false);
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_EQ(message.flow().attempt(), 1);
  stage_.subject.Change(2, true);
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_EQ(message.flow().attempt(), 2);
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_TRUE(stream->Finish().ok());
  stage_.look_dropped.WaitForNotification();
  EXPECT_EQ(records_.Await(1)[0].code, absl::StatusCode::kOk);
}

TEST_F(StreamTest, ASlowReaderGetsTheLatestStateAndNotEachOne) {
  {
    absl::MutexLock lock(&stage_.subject.mutex);
    stage_.subject.flow.set_product(std::string(256 * 1024, 'x'));  // soon fills the windows of an idle reader
  }
  grpc::ClientContext context;
  auto stream = Open(&context);
  stage_.entered.WaitForNotification();
  constexpr int kChanges = 2000;
  for (int i = 1; i <= kChanges; ++i) stage_.subject.Change(i, i == kChanges);
  v1::WatchFlowResponse message;
  int messages = 0;
  int newest = -1;
  while (stream->Read(&message)) {
    EXPECT_GE(message.flow().attempt(), newest);
    newest = message.flow().attempt();
    ++messages;
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(newest, kChanges);
  EXPECT_LT(messages, kChanges / 2);
}

TEST_F(StreamTest, AHeartbeatRepeatsTheState) {
  wire_.heartbeats = std::make_shared<Heartbeats>(pool_.get_executor(), absl::Milliseconds(5));
  grpc::ClientContext context;
  auto stream = Open(&context);
  v1::WatchFlowResponse message;
  for (int i = 0; i < 3; ++i) {
    message.Clear();
    ASSERT_TRUE(stream->Read(&message));
    EXPECT_TRUE(message.has_flow()) << "what was said before, whole";
  }
  stage_.subject.Change(1, true);
  while (stream->Read(&message)) {
  }
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamTest, BetweenManyHeartbeatsEachChangeIsToldInOrderAndTheLastOnce) {
  wire_.heartbeats = std::make_shared<Heartbeats>(pool_.get_executor(), absl::Microseconds(50));
  grpc::ClientContext context;
  auto stream = Open(&context);
  stage_.entered.WaitForNotification();
  constexpr int kChanges = 300;
  std::vector<int> told = {0};
  v1::WatchFlowResponse message;
  // Each is waited for, so that its news meets a stream that does nothing but beat.
  for (int i = 1; i <= kChanges; ++i) {
    stage_.subject.Change(i, i == kChanges);
    while (told.back() != i && stream->Read(&message)) told.push_back(message.flow().attempt());
  }
  EXPECT_FALSE(stream->Read(&message)) << "nothing follows the last";
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(told.back(), kChanges);
}

TEST_F(StreamTest, ADrainEndsOpenStreamsAndThoseToCome) {
  grpc::ClientContext context;
  auto stream = Open(&context);
  v1::WatchFlowResponse message;
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_FALSE(message.draining());
  wire_.streams.Drain();
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_TRUE(message.draining());
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamTest, AStreamOpenedWhileDrainingEndsAtOnce) {
  wire_.streams.Drain();
  grpc::ClientContext context;
  auto stream = Open(&context);
  v1::WatchFlowResponse message;
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_TRUE(message.draining());
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamTest, ABrokenStreamLetsGoOfWhatItWatches) {
  grpc::ClientContext context;
  auto stream = Open(&context);
  v1::WatchFlowResponse message;
  ASSERT_TRUE(stream->Read(&message));
  context.TryCancel();
  stage_.look_dropped.WaitForNotification();
  stage_.subject.Change(1, false);  // nobody is there to be told
  EXPECT_EQ(records_.Await(1)[0].code, absl::StatusCode::kCancelled);
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(StreamTest, ARefusalEndsTheStream) {
  grpc::ClientContext context;
  auto stream = Open(&context, "refuse");
  v1::WatchFlowResponse message;
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(StreamTest, AnExceptionEndsTheStreamAsInternal) {
  grpc::ClientContext context;
  auto stream = Open(&context, "throw");
  v1::WatchFlowResponse message;
  EXPECT_FALSE(stream->Read(&message));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_THAT(status.error_message(), Not(HasSubstr("SECRET")));
}

}  // namespace
}  // namespace authflow
