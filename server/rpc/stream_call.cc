#include "server/rpc/stream_call.h"

#include <boost/asio/post.hpp>
#include <exception>
#include <utility>
#include <vector>

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
      timer_(wire.observer, method, std::move(trace_id)) {}

grpc::ServerWriteReactor<grpc::ByteBuffer>* StreamCall::Bind() {
  reactor_ = new Reactor(shared_from_this());
  draining_ = wire_.streams.Add(shared_from_this());
  return reactor_;
}

void StreamCall::Opened(absl::StatusOr<LookEncoded> look) {
  if (closed_) return;
  if (!look.ok()) return Close(look.status());
  look_ = *std::move(look);
  news_ = true;
  Send();
  if (!closed_) wire_.heartbeats->Add(connection_, shared_from_this());
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

void StreamCall::Beat() {
  if (!pen_.exchange(true)) reactor_->StartWrite(&sending_.message);
}

void StreamCall::Send() {
  if (closed_ || !news_ || !look_ || !TakePen()) return;
  news_ = false;
  try {
    sending_ = look_(draining_);
  } catch (...) {
    return End(StatusOf(std::current_exception()));
  }
  reactor_->StartWrite(&sending_.message);
}

bool StreamCall::TakePen() {
  if (!pen_.exchange(true)) return true;
  // If it is given back between these two lines, either OnWriteDone sees that it is awaited or we take it.
  awaited_ = true;
  return !pen_.exchange(true);
}

void StreamCall::OnWriteDone(const std::shared_ptr<StreamCall>& self, bool ok) {
  if (ok && !sending_.last) {
    pen_ = false;
    // Of most heartbeats nobody waits for the end: no thread is woken for it.
    if (awaited_.exchange(false)) {
      boost::asio::post(strand_, [self]() {
        if (self->closed_) return self->Close(*self->closed_);
        self->Send();
      });
    }
    return;
  }
  // Nothing follows: the pen is not given back.
  boost::asio::post(strand_, [self, status = ok ? absl::OkStatus() : absl::CancelledError("the caller went away")]() {
    self->End(status);
  });
}

void StreamCall::Close(const absl::Status& status) {
  Shut(status);
  if (reactor_ != nullptr && TakePen()) End(status);
}

void StreamCall::Shut(const absl::Status& status) {
  if (closed_) return;
  closed_ = status;
  look_ = nullptr;
  wire_.heartbeats->Remove(connection_, this);
  wire_.streams.Remove(this);
}

void StreamCall::End(const absl::Status& status) {
  Shut(status);
  timer_.Handled(*closed_, *note_);
  // The reactor may be gone before Finish returns.
  std::exchange(reactor_, nullptr)->Finish(ToGrpc(*closed_));
}

}  // namespace authflow
