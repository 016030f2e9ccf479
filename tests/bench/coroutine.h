// gRPC calls of a client as things to co_await. A coroutine goes on, on gRPC's thread, as soon as the answer is there.
#ifndef AUTHFLOW_TESTS_BENCH_COROUTINE_H_
#define AUTHFLOW_TESTS_BENCH_COROUTINE_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <coroutine>
#include <exception>
#include <functional>
#include <utility>

namespace authflow {

// A coroutine that nobody waits for.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

// One unary call: fill `request`, co_await it, read `response`. True: the status is OK.
template <typename Async, typename Request, typename Response>
class UnaryCall {
 public:
  using Method = void (Async::*)(grpc::ClientContext*, const Request*, Response*, std::function<void(grpc::Status)>);
  UnaryCall(Async* stub, Method method) : stub_(stub), method_(method) {}

  Request request;
  Response response;
  grpc::Status status;

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    (stub_->*method_)(&context_, &request, &response, [this, waiting](grpc::Status result) {
      status = std::move(result);
      waiting.resume();
    });
  }
  bool await_resume() const { return status.ok(); }

 private:
  Async* const stub_;
  const Method method_;
  grpc::ClientContext context_;
};

// One server stream, read to its end, which co_await waits for. Must be awaited.
template <typename Response>
class ReadStream final : public grpc::ClientReadReactor<Response> {
 public:
  // The stub's method starts the stream.
  template <typename Start>
  void Begin(Start start) {
    start(&context_, this);
    this->StartRead(&message_);
    this->StartCall();
  }
  void Cancel() { context_.TryCancel(); }
  // Once it was awaited.
  const grpc::Status& status() const { return status_; }
  const Response& last() const { return last_; }
  int messages() const { return messages_; }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    ++messages_;
    last_ = message_;
    this->StartRead(&message_);
  }
  void OnDone(const grpc::Status& status) override {
    status_ = status;
    if (state_.exchange(kEnded) == kAwaited) waiting_.resume();
  }

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    return state_.exchange(kAwaited) != kEnded;
  }
  void await_resume() const {}

 private:
  enum State { kOpen, kAwaited, kEnded };

  grpc::ClientContext context_;
  Response message_;
  Response last_;
  int messages_ = 0;
  grpc::Status status_;
  std::coroutine_handle<> waiting_;
  std::atomic<State> state_ = kOpen;
};

}  // namespace authflow

#endif  // AUTHFLOW_TESTS_BENCH_COROUTINE_H_
