#include "server/rpc/bridge.h"

#include <cxxabi.h>

#include <boost/system/system_error.hpp>
#include <cstdlib>
#include <iterator>
#include <string>
#include <typeinfo>

#include "server/base/error_class.h"
#include "server/base/text.h"
#include "server/base/trace_parent.h"
#include "server/rpc/status.h"
#include "server/rpc/validate.h"

namespace authflow {

absl::Status CheckSize(size_t bytes) {
  if (bytes <= kMaxRequestBytes) return absl::OkStatus();
  return Refusal(v1::ERROR_CLASS_INVALID_REQUEST, Cat("The request is not valid. It has ", bytes, " bytes, at most ",
                                                      kMaxRequestBytes, " are accepted."));
}

absl::Status NotParsed(const std::string& message_name) {
  return Refusal(v1::ERROR_CLASS_INVALID_REQUEST, Cat("The request is not a valid ", message_name,
                                                      ": its encoding is broken, or a string is not UTF-8."));
}

grpc::ServerUnaryReactor* RefuseBusy(Wire& wire, grpc::CallbackServerContext& rpc, size_t method) {
  static const absl::Status busy = Refusal(v1::ERROR_CLASS_SERVER_BUSY,
                                           "The server has more sign-ins to begin than it can. Nothing was recorded; "
                                           "try again in a moment.");
  static const grpc::Status answer = ToGrpc(busy);
  RpcTimer(wire.observer, method, TraceOf(rpc)).Handled(busy, Note());
  // For gRPC's own retries (proposal A6).
  rpc.AddTrailingMetadata("grpc-retry-pushback-ms", std::to_string(absl::ToInt64Milliseconds(kBusyPause)));
  auto* reactor = rpc.DefaultReactor();
  reactor->Finish(answer);
  return reactor;
}

std::string TraceOf(const grpc::CallbackServerContext& rpc) {
  const auto [first, last] = rpc.client_metadata().equal_range("traceparent");
  if (first == last || std::next(first) != last) return "";
  return TraceIdOf({first->second.data(), first->second.size()});
}

absl::Status StatusOf(std::exception_ptr exception) {
  // What an exception says may quote what it could not digest: only its type is told, to the log alone.
  std::string cause = "unknown";
  try {
    std::rethrow_exception(exception);
  } catch (const boost::system::system_error& error) {
    cause = Cat("system_error: ", error.code().message());
  } catch (const std::exception& error) {
    char* name = abi::__cxa_demangle(typeid(error).name(), nullptr, nullptr, nullptr);
    cause = name != nullptr ? name : typeid(error).name();
    std::free(name);
  } catch (...) {
  }
  return absl::InternalError(Cat("an exception ended the call: ", cause));
}

class UnaryCall::Reactor final : public grpc::ServerUnaryReactor {
 public:
  explicit Reactor(std::shared_ptr<UnaryCall> call) : call_(std::move(call)) {}

 private:
  void OnCancel() override {
    call_->note_.SetGone();
    call_->Finish(absl::CancelledError("the caller went away"), {});
  }
  void OnDone() override { delete this; }
  // Reactions run where they arise. Without it gRPC 1.51 gives the end of every call to a thread of its own, which is
  // woken for that: 5 us of the 52 that a step took. See docs/decisions/0012.
  bool InternalInlineable() override { return true; }

  const std::shared_ptr<UnaryCall> call_;
};

UnaryCall::UnaryCall(Wire& wire, size_t method, std::string trace_id, grpc::ByteBuffer* response,
                     Admission::Ticket ticket)
    : wire_(wire), note_(std::move(ticket)), timer_(wire.observer, method, std::move(trace_id)), response_(response) {
  wire_.nursery.Enter();
}

UnaryCall::~UnaryCall() { wire_.nursery.Leave(); }

grpc::ServerUnaryReactor* UnaryCall::Bind() {
  auto* const reactor = new Reactor(shared_from_this());
  reactor_ = reactor;
  return reactor;
}

void UnaryCall::Finish(const absl::Status& status, grpc::ByteBuffer response) {
  Reactor* const reactor = reactor_.exchange(nullptr);
  if (reactor == nullptr) return;
  if (status.ok()) response_->Swap(&response);
  timer_.Handled(status, note_);
  reactor->Finish(ToGrpc(status));
}

}  // namespace authflow
