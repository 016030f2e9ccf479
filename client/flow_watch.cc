#include "client/flow_watch.h"

#include <grpcpp/alarm.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <chrono>
#include <mutex>
#include <utility>

#include "absl/time/time.h"
#include "client/backoff.h"
#include "client/rpc_status.h"
#include "server/base/random.h"

namespace authflow {
namespace {

class Watching;

// One stream. Deletes itself when gRPC is done with it.
class Stream final : public grpc::ClientReadReactor<v1::WatchFlowResponse> {
 public:
  Stream(std::shared_ptr<Watching> owner, v1::FlowService::Stub& stub, const v1::WatchFlowRequest& request);
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  grpc::ClientContext context;

 private:
  std::shared_ptr<Watching> owner_;
  v1::WatchFlowResponse message_;
};

// What the streams of one watch share.
class Watching : public std::enable_shared_from_this<Watching> {
 public:
  Watching(std::shared_ptr<v1::FlowService::Stub> stub, v1::WatchFlowRequest request,
           std::function<void(const v1::WatchFlowResponse&)> changed, std::function<void(absl::Status)> ended)
      : stub_(std::move(stub)), request_(std::move(request)), changed_(std::move(changed)), ended_(std::move(ended)) {}

  void Open() {
    std::lock_guard lock(mutex_);
    alarm_ = nullptr;
    if (stopped_) return;
    stream_ = new Stream(shared_from_this(), *stub_, request_);
    stream_->StartCall();
  }

  void Read(const v1::WatchFlowResponse& message) {
    std::lock_guard lock(callback_mutex_);
    {
      std::lock_guard lock(mutex_);
      if (stopped_) return;
      backoff_.Reset();
      last_word_ = message.flow().has_outcome() || message.replaced();
    }
    changed_(message);
  }

  void Closed(const grpc::Status& grpc_status) {
    const absl::Status status = FromGrpc(grpc_status);
    std::lock_guard callback_lock(callback_mutex_);
    {
      std::lock_guard lock(mutex_);
      stream_ = nullptr;
      if (stopped_) return;
      // OK without a last word: the server drains. An answer cut by a proxy or by keepalive is worth another try as
      // well.
      if (!last_word_ && (status.ok() || IsWorthRetrying(status) || ClassOf(status) == v1::ERROR_CLASS_UNSPECIFIED)) {
        const auto wait = std::chrono::nanoseconds(absl::ToInt64Nanoseconds(backoff_.Next(RandomFraction())));
        alarm_ = std::make_unique<grpc::Alarm>();
        alarm_->Set(std::chrono::system_clock::now() + wait, [self = shared_from_this()](bool) { self->Waited(); });
        return;
      }
      stopped_ = true;
    }
    ended_(last_word_ ? absl::OkStatus() : status);
  }

  void Stop() {
    {
      std::lock_guard lock(mutex_);
      stopped_ = true;
      if (stream_ != nullptr) stream_->context.TryCancel();
      if (alarm_) alarm_->Cancel();
    }
    std::lock_guard wait_for_a_callback_that_runs(callback_mutex_);
  }

 private:
  void Waited() {
    std::unique_ptr<grpc::Alarm> fired;  // holds a reference to us: let go of it
    {
      std::lock_guard lock(mutex_);
      fired = std::move(alarm_);
    }
    Open();
  }

  const std::shared_ptr<v1::FlowService::Stub> stub_;
  const v1::WatchFlowRequest request_;
  const std::function<void(const v1::WatchFlowResponse&)> changed_;
  const std::function<void(absl::Status)> ended_;

  std::mutex callback_mutex_;  // held while a callback runs; taken before mutex_
  std::mutex mutex_;           // guards the rest
  Stream* stream_ = nullptr;
  std::unique_ptr<grpc::Alarm> alarm_;
  Backoff backoff_{absl::Seconds(3)};
  bool last_word_ = false;
  bool stopped_ = false;
};

Stream::Stream(std::shared_ptr<Watching> owner, v1::FlowService::Stub& stub, const v1::WatchFlowRequest& request)
    : owner_(std::move(owner)) {
  stub.async()->WatchFlow(&context, &request, this);
  StartRead(&message_);
}

void Stream::OnReadDone(bool ok) {
  if (!ok) return;
  owner_->Read(message_);
  StartRead(&message_);
}

void Stream::OnDone(const grpc::Status& status) {
  owner_->Closed(status);
  delete this;
}

class HeldWatch final : public FlowWatch {
 public:
  explicit HeldWatch(std::shared_ptr<Watching> watching) : watching_(std::move(watching)) {}
  ~HeldWatch() override { watching_->Stop(); }

 private:
  std::shared_ptr<Watching> watching_;
};

}  // namespace

std::unique_ptr<FlowWatch> StartFlowWatch(std::shared_ptr<v1::FlowService::Stub> stub, v1::WatchFlowRequest request,
                                          std::function<void(const v1::WatchFlowResponse&)> changed,
                                          std::function<void(absl::Status)> ended) {
  auto watching = std::make_shared<Watching>(std::move(stub), std::move(request), std::move(changed), std::move(ended));
  watching->Open();
  return std::make_unique<HeldWatch>(std::move(watching));
}

}  // namespace authflow
