#include "server/rpc/stream_call.h"

#include <algorithm>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <exception>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/rpc/bridge.h"
#include "server/rpc/status.h"

namespace authflow {

void OpenStreams::Drain() {
  std::vector<std::shared_ptr<StreamCall>> calls;
  {
    absl::MutexLock lock(&mutex_);
    draining_ = true;
    for (const auto& [key, weak] : calls_) {
      if (auto call = weak.lock()) calls.push_back(std::move(call));
    }
  }
  for (const auto& call : calls) call->Drain();
}

bool OpenStreams::Add(const std::shared_ptr<StreamCall>& call) {
  absl::MutexLock lock(&mutex_);
  calls_.emplace(call.get(), call);
  return draining_;
}

void OpenStreams::Remove(const StreamCall* call) {
  absl::MutexLock lock(&mutex_);
  calls_.erase(call);
}

class StreamCall::Reactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  explicit Reactor(std::shared_ptr<StreamCall> call) : call_(std::move(call)) { call_->wire().nursery.Enter(); }

 private:
  void OnWriteDone(bool ok) override { call_->OnWriteDone(call_, ok); }
  void OnCancel() override {
    boost::asio::post(call_->strand(), [call = call_]() { call->Close(absl::CancelledError("the caller went away")); });
  }
  void OnDone() override {
    Nursery& nursery = call_->wire().nursery;
    delete this;
    nursery.Leave();
  }
  // As of unary calls: see bridge.cc.
  bool InternalInlineable() override { return true; }

  const std::shared_ptr<StreamCall> call_;
};

StreamCall::StreamCall(Wire& wire, size_t method, size_t connection, std::string trace_id)
    : wire_(wire),
      connection_(connection),
      strand_(boost::asio::make_strand(wire.executor)),
      timer_(wire.observer, method, std::move(trace_id)),
      heartbeat_(strand_) {}

grpc::ServerWriteReactor<grpc::ByteBuffer>* StreamCall::Bind() {
  reactor_ = new Reactor(shared_from_this());
  draining_ = wire_.streams.Add(shared_from_this());
  return reactor_;
}

void StreamCall::Opened(absl::StatusOr<LookEncoded> look) {
  if (closed_) return;
  if (!look.ok()) return Close(look.status());
  look_ = *std::move(look);
  ArmHeartbeat();
  news_ = true;
  Send();
}

void StreamCall::Changed() {
  if (changed_.exchange(true)) return;
  boost::asio::post(strand_, [self = shared_from_this()]() {
    self->changed_ = false;
    self->news_ = true;
    self->Send();
  });
}

void StreamCall::Drain() {
  boost::asio::post(strand_, [self = shared_from_this()]() {
    self->draining_ = true;
    self->news_ = true;
    self->Send();
  });
}

void StreamCall::Send() {
  if (closed_ || !news_ || !look_ || Writing()) return;
  news_ = false;
  try {
    sending_ = look_(draining_);
  } catch (...) {
    return Close(StatusOf(std::current_exception()));
  }
  Write();
}

void StreamCall::Write() {
  writing_ = true;
  reactor_->StartWrite(&sending_.message);
}

bool StreamCall::Writing() {
  if (!writing_) return false;
  // If the write ends between these two lines, either OnWriteDone sees that it is awaited or we see that it has ended.
  awaited_ = true;
  return writing_;
}

void StreamCall::OnWriteDone(const std::shared_ptr<StreamCall>& self, bool ok) {
  const bool last = sending_.last;
  writing_ = false;  // from here on the strand may write the next one
  // Of most heartbeats nobody waits for the end: no thread is woken for it.
  if (!awaited_.exchange(false) && ok && !last) return;
  boost::asio::post(strand_, [self, ok, last]() { self->OnWritten(ok, last); });
}

void StreamCall::OnWritten(bool ok, bool last) {
  if (closed_) return Close(*closed_);
  if (!ok) return Close(absl::CancelledError("the caller went away"));
  if (last) return Close(absl::OkStatus());
  Send();
}

void StreamCall::Close(const absl::Status& status) {
  if (!closed_) {
    closed_ = status;
    look_ = nullptr;
    heartbeat_.cancel();
    wire_.streams.Remove(this);
  }
  if (reactor_ == nullptr || Writing()) return;
  timer_.Handled(*closed_, *note_);
  // The reactor may be gone before Finish returns.
  std::exchange(reactor_, nullptr)->Finish(ToGrpc(*closed_));
}

void StreamCall::ArmHeartbeat() {
  // Streams beat together, in ten groups, and in a group those of a connection one after the other: threads wake for
  // many of them, and some of what they say goes out as one.
  const std::chrono::nanoseconds beat = absl::ToChronoNanoseconds(wire_.heartbeat);
  const std::chrono::nanoseconds phase =
      beat / 10 * (connection_ % 10) + std::chrono::nanoseconds(connection_ / 10 % 1000);
  const std::chrono::nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
  heartbeat_.expires_at(std::chrono::steady_clock::time_point((now - phase) / beat * beat + beat + phase));
  heartbeat_.async_wait(
      boost::asio::bind_executor(strand_, [self = shared_from_this()](const boost::system::error_code& error) {
        if (error || self->closed_) return;
        if (!self->writing_) self->Write();
        self->ArmHeartbeat();
      }));
}

}  // namespace authflow
