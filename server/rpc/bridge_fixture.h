// A real gRPC server with two handlers that do what a test says: one unary call, one stream.
#ifndef AUTHFLOW_SERVER_RPC_BRIDGE_FIXTURE_H_
#define AUTHFLOW_SERVER_RPC_BRIDGE_FIXTURE_H_

#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "authflow/v1/flow_service.grpc.pb.h"
#include "server/rpc/bridge.h"

namespace authflow {

inline constexpr size_t kGetFlow = RpcMethodIndex("GetFlow");
inline const FlowId kFlow = *Uuid::Parse("0190a0b0-c0d0-8000-8000-000000000001");
inline constexpr size_t kWatchFlow = RpcMethodIndex("WatchFlow");

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

inline Task<absl::StatusOr<v1::GetFlowResponse>> Get(Stage& stage, v1::GetFlowRequest request,
                                                     std::shared_ptr<Note> note) {
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

inline Task<absl::StatusOr<Look<v1::WatchFlowResponse>>> Watch(Stage& stage, v1::WatchFlowRequest request,
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
  const Executor executor_ = boost::asio::require(pool_.get_executor(), boost::asio::execution::blocking.never);
  Nursery nursery_;
  Records records_;
  Wire wire_{executor_, nursery_, records_, std::make_shared<Heartbeats>(executor_, absl::Hours(1)), {}};
  Stage stage_;
  Service service_{wire_, stage_};
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::FlowService::Stub> stub_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_BRIDGE_FIXTURE_H_
