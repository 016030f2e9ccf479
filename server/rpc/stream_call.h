// One server stream that tells the newest state of something: one write at a time, and what changes meanwhile is told
// once, by the next.
#ifndef AUTHFLOW_SERVER_RPC_STREAM_CALL_H_
#define AUTHFLOW_SERVER_RPC_STREAM_CALL_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <boost/asio/steady_timer.hpp>
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

// Made by ServeStream. All but Changed and Drain on the strand.
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

  const auto& strand() const { return strand_; }
  const auto& note() const { return note_; }
  Wire& wire() const { return wire_; }

 private:
  class Reactor;

  void Send();
  void Write();
  // Whether a write is under way; if so, the strand hears of its end.
  bool Writing();
  // On gRPC's thread.
  void OnWriteDone(const std::shared_ptr<StreamCall>& self, bool ok);
  void OnWritten(bool ok, bool last);
  void Close(const absl::Status& status);
  void ArmHeartbeat();

  Wire& wire_;
  const size_t connection_;
  const boost::asio::strand<Executor> strand_;
  const std::shared_ptr<Note> note_ = std::make_shared<Note>();
  RpcTimer timer_;
  boost::asio::steady_timer heartbeat_;
  std::atomic<bool> changed_ = false;  // posted, not looked at
  Reactor* reactor_ = nullptr;         // null once finished
  LookEncoded look_;                   // null before it is opened and once it is closed
  bool news_ = false;                  // there is something to send
  bool draining_ = false;
  News<grpc::ByteBuffer> sending_;      // lives until the next news
  std::atomic<bool> writing_ = false;   // set by the strand, cleared by gRPC's thread
  std::atomic<bool> awaited_ = false;   // the strand waits for the end of the write
  std::optional<absl::Status> closed_;  // how it ends, as soon as no write is outstanding
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_STREAM_CALL_H_
