// One RPC with one request and one answer, tried until it is answered or its time is up.
#ifndef AUTHFLOW_CLIENT_UNARY_CALL_H_
#define AUTHFLOW_CLIENT_UNARY_CALL_H_

#include <grpcpp/alarm.h>
#include <grpcpp/client_context.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/authflow_client.h"
#include "client/backoff.h"
#include "client/rpc_status.h"
#include "server/base/random.h"

namespace authflow {

// Owns itself through the callbacks that are under way.
template <typename Request, typename Response>
class UnaryCall final : public Call::State, public std::enable_shared_from_this<UnaryCall<Request, Response>> {
 public:
  // Starts one try; calls back once, on a thread of gRPC's.
  using Try = std::function<void(grpc::ClientContext*, const Request*, Response*, std::function<void(grpc::Status)>)>;

  UnaryCall(Try start, Request request, CallOptions options, Answer<Response> answer)
      : try_(std::move(start)), request_(std::move(request)), answer_(std::move(answer)) {
    const auto now = std::chrono::steady_clock::now();
    deadline_ = now + ToChrono(options.deadline);
    last_try_ = now + ToChrono(std::min(options.retry_for, options.deadline));
  }

  void Start() { Begin(); }

  void Cancel() override {
    std::shared_ptr<grpc::ClientContext> context;
    {
      std::lock_guard lock(mutex_);
      cancelled_ = true;
      context = context_;
      if (alarm_) alarm_->Cancel();
    }
    if (context) context->TryCancel();
  }

  void StopRetrying() override {
    std::lock_guard lock(mutex_);
    retrying_ = false;
    if (alarm_) alarm_->Cancel();
  }

 private:
  static std::chrono::steady_clock::duration ToChrono(absl::Duration duration) {
    return std::chrono::nanoseconds(absl::ToInt64Nanoseconds(std::min(duration, absl::Hours(24))));
  }

  void Begin() {
    auto context = std::make_shared<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + (deadline_ - std::chrono::steady_clock::now()));
    {
      std::lock_guard lock(mutex_);
      context_ = context;
    }
    response_.Clear();
    try_(context.get(), &request_, &response_,
         [self = this->shared_from_this()](grpc::Status status) { self->Tried(FromGrpc(status), PauseOf(status)); });
    // A Cancel that came before the try began would have been lost.
    bool cancelled;
    {
      std::lock_guard lock(mutex_);
      cancelled = cancelled_;
    }
    if (cancelled) context->TryCancel();
  }

  void Tried(absl::Status status, absl::Duration pause) {
    {
      std::lock_guard lock(mutex_);
      context_ = nullptr;
      if (cancelled_ && !status.ok()) status = absl::CancelledError("The call was cancelled.");
      const auto now = std::chrono::steady_clock::now();
      // Not all who were told the same pause come back at once.
      const auto wait = ToChrono(pause + backoff_.Next(RandomFraction()));
      if (!cancelled_ && retrying_ && IsWorthRetrying(status) && now + wait < last_try_) {
        last_error_ = status;
        alarm_ = std::make_unique<grpc::Alarm>();
        alarm_->Set(std::chrono::system_clock::now() + wait,
                    [self = this->shared_from_this()](bool) { self->Waited(); });
        return;
      }
    }
    Finish(std::move(status));
  }

  void Waited() {
    std::unique_ptr<grpc::Alarm> fired;  // holds a reference to us: let go of it
    bool cancelled;
    bool again;
    {
      std::lock_guard lock(mutex_);
      fired = std::move(alarm_);
      cancelled = cancelled_;
      again = retrying_ && !cancelled_;
    }
    if (again) {
      Begin();
    } else {
      Finish(cancelled ? absl::CancelledError("The call was cancelled.") : last_error_);
    }
  }

  void Finish(absl::Status status) {
    auto answer = std::exchange(answer_, nullptr);
    if (status.ok()) {
      answer(std::move(response_));
    } else {
      answer(std::move(status));
    }
  }

  const Try try_;
  const Request request_;
  std::chrono::steady_clock::time_point deadline_;
  std::chrono::steady_clock::time_point last_try_;
  // Of the try that runs, or of nobody: tries do not overlap.
  Response response_;
  Answer<Response> answer_;
  Backoff backoff_{absl::Seconds(2)};
  absl::Status last_error_;

  std::mutex mutex_;  // guards the rest
  std::shared_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::Alarm> alarm_;
  bool cancelled_ = false;
  bool retrying_ = true;
};

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_UNARY_CALL_H_
