// One server stream that tells the newest state of something: one write at a time, and what changes meanwhile is told
// once, by the next.
#ifndef AUTHFLOW_SERVER_RPC_STREAM_CALL_H_
#define AUTHFLOW_SERVER_RPC_STREAM_CALL_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <boost/asio/strand.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/rpc/rpc_timer.h"
#include "server/rpc/wire.h"

namespace authflow {

template <typename Message>
struct News {
  Message message;
  bool last = false;  // the stream ends with OK after it
};

// What there is to send now. Called on the stream's strand: when it opens and after a change; a heartbeat repeats what
// was sent. When `draining` the news must be the last. Dropped when the stream ends, however it ends.
template <typename Message>
using Look = std::function<News<Message>(bool draining)>;

// Made by ServeStream. All but Changed, Drain and Beat on the strand.
class StreamCall : public std::enable_shared_from_this<StreamCall> {
 public:
  using LookEncoded = Look<grpc::ByteBuffer>;

  // `connection`: the same number for all streams of one.
  StreamCall(Wire& wire, size_t method, size_t connection, std::string trace_id);
  // Makes the reactor, which gRPC owns until OnDone.
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Bind();

  // The handler's answer: the stream begins, or ends with the error.
  void Opened(absl::StatusOr<LookEncoded> look);
  // Any thread.
  void Changed();
  void Drain();
  // Says again what was said last, unless something is being said.
  void Beat();

  const auto& strand() const { return strand_; }
  const auto& note() const { return note_; }
  Wire& wire() const { return wire_; }

 private:
  class Reactor;

  void Send();
  // False: a write is under way, and the strand hears when the pen is free.
  bool TakePen();
  // On gRPC's thread.
  void OnWriteDone(const std::shared_ptr<StreamCall>& self, bool ok);
  // Ends with the status, or how it was closed before, as soon as the pen is free.
  void Close(const absl::Status& status);
  void Shut(const absl::Status& status);
  // Of whoever has the pen, which is not given back.
  void End(const absl::Status& status);

  Wire& wire_;
  const size_t connection_;
  const boost::asio::strand<Executor> strand_;
  const std::shared_ptr<Note> note_ = std::make_shared<Note>();
  RpcTimer timer_;
  std::atomic<bool> changed_ = false;  // posted, not looked at
  // Whoever has the pen may write: `reactor_` and `sending_` are its own, until gRPC has written.
  std::atomic<bool> pen_ = false;
  std::atomic<bool> awaited_ = false;  // the strand waits for the pen
  Reactor* reactor_ = nullptr;         // null once finished
  LookEncoded look_;                   // null before it is opened and once it is closed
  bool news_ = false;                  // there is something to send
  bool draining_ = false;
  News<grpc::ByteBuffer> sending_;      // lives until the next news
  std::optional<absl::Status> closed_;  // how it ends, as soon as the pen is free
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_STREAM_CALL_H_
