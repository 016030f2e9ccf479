#include "client/flow_watch.h"

#include <grpcpp/alarm.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

#include "absl/time/time.h"
#include "client/backoff.h"
#include "client/rpc_status.h"
#include "server/base/random.h"

namespace authflow {
namespace {

using Steady = std::chrono::steady_clock;

// A server speaks every 10 s; a stream that is silent for longer is blocked somewhere, and the flow is asked instead.
constexpr int kQuietBeats = 3;  // of ClientOptions::poll_after, once a stream has spoken
constexpr std::chrono::seconds kPollEvery{2};
constexpr std::chrono::seconds kPollDeadline{5};

class Watching;

// One stream. Deletes itself when gRPC is done with it.
class Stream final : public grpc::ClientReadReactor<v1::WatchFlowResponse> {
 public:
  Stream(std::shared_ptr<Watching> owner, v1::FlowService::Stub& stub, const v1::WatchFlowRequest& request);
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  grpc::ClientContext& context() { return context_; }

 private:
  const std::shared_ptr<Watching> owner_;
  v1::WatchFlowResponse message_;
  // After owner_, to go before it: a context holds the channel, and must not be the last to (LetGoElsewhere).
  grpc::ClientContext context_;
};

// What the streams of one watch share.
class Watching : public std::enable_shared_from_this<Watching> {
 public:
  Watching(std::shared_ptr<v1::FlowService::Stub> stub, v1::WatchFlowRequest request,
           std::function<void(const v1::WatchFlowResponse&)> changed, std::function<void(absl::Status)> ended,
           std::function<void()> polls, absl::Duration poll_after)
      : stub_(std::move(stub)),
        request_(std::move(request)),
        changed_(std::move(changed)),
        ended_(std::move(ended)),
        polls_(std::move(polls)),
        quiet_(absl::ToChronoNanoseconds(poll_after)) {}

  void Start() {
    {
      std::lock_guard lock(mutex_);
      heard_ = Steady::now();
      SetPollAlarm(std::min<std::chrono::nanoseconds>(quiet_, kPollEvery));
    }
    Open();
  }

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
      if (!spoke_) quiet_ *= kQuietBeats;
      spoke_ = true;
      heard_ = Steady::now();
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
      StopPolling();
    }
    ended_(last_word_ ? absl::OkStatus() : status);
  }

  void Stop() {
    {
      std::lock_guard lock(mutex_);
      stopped_ = true;
      if (stream_ != nullptr) stream_->context().TryCancel();
      if (alarm_) alarm_->Cancel();
      StopPolling();
    }
    std::lock_guard wait_for_a_callback_that_runs(callback_mutex_);
  }

 private:
  // One try of GetFlow.
  struct Poll {
    grpc::ClientContext context;
    v1::GetFlowRequest request;
    v1::GetFlowResponse response;
  };

  // With the lock.
  void SetPollAlarm(std::chrono::nanoseconds wait) {
    poll_alarm_ = std::make_unique<grpc::Alarm>();
    poll_alarm_->Set(std::chrono::system_clock::now() + wait,
                     [self = shared_from_this()](bool) { self->PollOrWait(); });
  }
  void StopPolling() {
    if (poll_alarm_) poll_alarm_->Cancel();
    if (poll_) poll_->context.TryCancel();
  }

  void PollOrWait() {
    std::unique_ptr<grpc::Alarm> fired;  // holds a reference to us: let go of it
    std::shared_ptr<Poll> poll;
    {
      std::lock_guard lock(mutex_);
      fired = std::move(poll_alarm_);
      if (stopped_) return;
      if (Steady::now() - heard_ < quiet_) return SetPollAlarm(std::min<std::chrono::nanoseconds>(quiet_, kPollEvery));
      poll = poll_ = std::make_shared<Poll>();
    }
    poll->context.set_deadline(std::chrono::system_clock::now() + kPollDeadline);
    poll->request.set_flow_token(request_.flow_token());
    stub_->async()->GetFlow(&poll->context, &poll->request, &poll->response,
                            [self = shared_from_this(), poll](grpc::Status status) { self->Polled(*poll, status); });
  }

  void Polled(const Poll& poll, const grpc::Status& status) {
    std::lock_guard callback_lock(callback_mutex_);
    bool over = false;
    bool first = false;
    {
      std::lock_guard lock(mutex_);
      poll_ = nullptr;
      if (stopped_) return;
      over = status.ok() && poll.response.flow().has_outcome();
      first = status.ok() && !std::exchange(polled_, true);
      if (over) {
        stopped_ = true;
        if (stream_ != nullptr) stream_->context().TryCancel();
        if (alarm_) alarm_->Cancel();
      } else {
        SetPollAlarm(kPollEvery);
      }
    }
    if (!status.ok()) return;
    if (first && polls_) polls_();
    v1::WatchFlowResponse message;
    *message.mutable_flow() = poll.response.flow();
    changed_(message);
    if (over) ended_(absl::OkStatus());
  }

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
  const std::function<void()> polls_;

  std::mutex callback_mutex_;  // held while a callback runs; taken before mutex_
  std::mutex mutex_;           // guards the rest
  Stream* stream_ = nullptr;
  std::unique_ptr<grpc::Alarm> alarm_;
  std::unique_ptr<grpc::Alarm> poll_alarm_;
  std::shared_ptr<Poll> poll_;
  Steady::time_point heard_;        // the last word of a stream, or the start
  std::chrono::nanoseconds quiet_;  // so long a silence is none of the server's
  bool spoke_ = false;
  bool polled_ = false;
  Backoff backoff_{absl::Seconds(3)};
  bool last_word_ = false;
  bool stopped_ = false;
};

Stream::Stream(std::shared_ptr<Watching> owner, v1::FlowService::Stub& stub, const v1::WatchFlowRequest& request)
    : owner_(std::move(owner)) {
  stub.async()->WatchFlow(&context_, &request, this);
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
                                          std::function<void(absl::Status)> ended, std::function<void()> polls,
                                          absl::Duration poll_after) {
  auto watching = std::make_shared<Watching>(std::move(stub), std::move(request), std::move(changed), std::move(ended),
                                             std::move(polls), poll_after);
  watching->Start();
  return std::make_unique<HeldWatch>(std::move(watching));
}

}  // namespace authflow
