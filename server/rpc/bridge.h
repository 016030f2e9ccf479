// The bridge from gRPC's callback API to coroutines: a handler is a straight-line coroutine, and this file knows
// reactors.
//
// Who runs where: a unary call's coroutine begins on the gRPC thread that brought the call (it never blocks), and goes
// on in the pool. A stream's state is touched on its strand alone, but for what its pen guards (stream_call.h). A
// reactor is finished exactly once and deleted only in OnDone; the handler's coroutine may outlive it: a caller that
// goes away ends the wait, not the work. Requests are parsed here, not by gRPC, so that one that cannot be parsed (a
// string that is not UTF-8, say) is refused like any other malformed request.
#ifndef AUTHFLOW_SERVER_RPC_BRIDGE_H_
#define AUTHFLOW_SERVER_RPC_BRIDGE_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/rpc/stream_call.h"
#include "server/rpc/wire.h"

namespace authflow {

// A unary handler. `context` outlives every call.
template <typename Context, typename Request, typename Response>
using UnaryHandler = Task<absl::StatusOr<Response>> (*)(Context& context, Request request, std::shared_ptr<Note> note);

// Opens a stream: registers `changed` (callable from any thread, at any time) with whatever changes, and returns the
// function that says what there is to send now. See stream_call.h.
template <typename Context, typename Request, typename Message>
using StreamHandler = Task<absl::StatusOr<Look<Message>>> (*)(Context& context, Request request,
                                                              std::function<void()> changed,
                                                              std::shared_ptr<Note> note);

// INVALID_REQUEST when the message is too large or cannot be parsed.
absl::Status CheckSize(size_t bytes);
absl::Status NotParsed(const std::string& message_name);
// Answers SERVER_BUSY, with as little work as there can be: in a flood most calls are answered so.
grpc::ServerUnaryReactor* RefuseBusy(Wire& wire, grpc::CallbackServerContext& rpc, size_t method);
// What its caller's traceparent says, if it sent one: see server/base/trace_parent.h.
std::string TraceOf(const grpc::CallbackServerContext& rpc);
// Here alone an exception becomes a status: INTERNAL, with the exception's type in the log and nothing for the caller.
absl::Status StatusOf(std::exception_ptr exception);

template <typename Request>
absl::StatusOr<Request> Decode(grpc::ByteBuffer buffer) {
  if (absl::Status size = CheckSize(buffer.Length()); !size.ok()) return size;
  Request request;
  if (!grpc::SerializationTraits<Request>::Deserialize(&buffer, &request).ok()) {
    return NotParsed(Request::descriptor()->name());
  }
  return request;
}

template <typename Message>
grpc::ByteBuffer Encode(const Message& message) {
  grpc::ByteBuffer buffer;
  bool own = false;
  grpc::SerializationTraits<Message>::Serialize(message, &buffer, &own);
  return buffer;
}

// One unary call, from its request to its single answer; its reactor and its coroutine share it, and the nursery counts
// it until both are gone.
class UnaryCall : public std::enable_shared_from_this<UnaryCall> {
 public:
  // `ticket`: of where calls are admitted; for the handler.
  UnaryCall(Wire& wire, size_t method, std::string trace_id, grpc::ByteBuffer* response, Admission::Ticket ticket);
  ~UnaryCall();
  // Makes the reactor, which gRPC owns until OnDone.
  grpc::ServerUnaryReactor* Bind();
  // Any thread. Only the first answer counts.
  void Finish(const absl::Status& status, grpc::ByteBuffer response);

  std::shared_ptr<Note> note() { return {shared_from_this(), &note_}; }

 private:
  class Reactor;

  Wire& wire_;
  Note note_;
  RpcTimer timer_;
  grpc::ByteBuffer* const response_;         // gRPC's, valid until Finish
  std::atomic<Reactor*> reactor_ = nullptr;  // null once finished
};

template <typename Context, typename Request, typename Response>
grpc::ServerUnaryReactor* ServeUnary(Wire& wire, const grpc::CallbackServerContext& rpc, size_t method,
                                     const grpc::ByteBuffer& in, grpc::ByteBuffer* out,
                                     UnaryHandler<Context, Request, Response> handle, Context& context,
                                     Admission::Ticket ticket = nullptr) {
  auto call = std::make_shared<UnaryCall>(wire, method, TraceOf(rpc), out, std::move(ticket));
  auto* reactor = call->Bind();
  absl::StatusOr<Request> request = Decode<Request>(in);
  if (!request.ok()) {
    call->Finish(request.status(), {});
    return reactor;
  }
  auto task = handle(context, *std::move(request), call->note());
  boost::asio::co_spawn(Eager(&wire.executor), std::move(task),
                        [call](std::exception_ptr exception, absl::StatusOr<Response> answer) {
                          if (exception) answer = StatusOf(exception);
                          call->Finish(answer.status(), answer.ok() ? Encode(*answer) : grpc::ByteBuffer());
                        });
  return reactor;
}

template <typename Context, typename Request, typename Message>
grpc::ServerWriteReactor<grpc::ByteBuffer>* ServeStream(Wire& wire, const grpc::CallbackServerContext& rpc,
                                                        size_t method, const grpc::ByteBuffer& in,
                                                        StreamHandler<Context, Request, Message> open,
                                                        Context& context) {
  const size_t connection = std::hash<std::string>()(rpc.peer());
  auto call = std::make_shared<StreamCall>(wire, method, connection, TraceOf(rpc));
  auto* reactor = call->Bind();
  absl::StatusOr<Request> request = Decode<Request>(in);
  if (!request.ok()) {
    boost::asio::post(call->strand(), [call, status = request.status()]() { call->Opened(status); });
    return reactor;
  }
  wire.nursery.Enter();
  std::function<void()> changed = [weak = std::weak_ptr<StreamCall>(call)]() {
    if (auto call = weak.lock()) call->Changed();
  };
  auto task = open(context, *std::move(request), std::move(changed), call->note());
  boost::asio::co_spawn(call->strand(), std::move(task),
                        [call](std::exception_ptr exception, absl::StatusOr<Look<Message>> look) {
                          if (exception) look = StatusOf(exception);
                          if (look.ok()) {
                            call->Opened(StreamCall::LookEncoded([look = *std::move(look)](bool draining) {
                              News<Message> news = look(draining);
                              return News<grpc::ByteBuffer>{Encode(news.message), news.last};
                            }));
                          } else {
                            call->Opened(look.status());
                          }
                          call->wire().nursery.Leave();
                        });
  return reactor;
}

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_BRIDGE_H_
