// The place that the provider sends the browser back to (RFC 8252 7.3): a small HTTP server on loopback.
#ifndef AUTHFLOW_CLIENT_CLI_LOOPBACK_LISTENER_H_
#define AUTHFLOW_CLIENT_CLI_LOOPBACK_LISTENER_H_

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/event.h"
#include "client/cli/result_page.h"
#include "server/base/secret.h"
#include "server/base/task.h"

namespace authflow {

// Only a GET of its own path, to its own Host, with the state that it expects, is a redirect. All else (favicons,
// prefetches, port scans, forged errors) gets a 404 or 400 and changes nothing. A redirect is answered when the outcome
// is known. For the thread of its executor only.
class LoopbackListener : public std::enable_shared_from_this<LoopbackListener> {
 public:
  // Listens at `host` ("127.0.0.1", "localhost" or "[::1]"); port 0: any free one. UNAVAILABLE: the port is taken.
  static absl::StatusOr<std::shared_ptr<LoopbackListener>> Listen(Executor executor, std::string host, int port,
                                                                  std::string path);
  int port() const { return port_; }

  // From now on `state` is the one that counts. `arrived` gets the query of the first redirect with it (all after "?");
  // those that follow wait for the same answer.
  void Expect(Secret state, std::function<void(std::string query)> arrived);
  // Answers who waits, and whoever comes later with that state.
  void Answer(ResultPage page);
  // Answers who waits; the next redirect is a first one again.
  void AnswerAndGoOn(ResultPage page);
  // Until all answers that were given have been sent, or `limit`.
  Task<void> Flush(SteadyTime limit);
  // Hears no more. Answers on their way are still sent.
  void Close();

 private:
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, Executor>;
  // What the redirects of one answer wait for.
  struct Waiting {
    explicit Waiting(Executor executor) : answered(std::move(executor)) {}
    Event answered;
    ResultPage page;
  };

  LoopbackListener(Executor executor, std::string path);
  absl::Status Open(const std::string& host, int port);
  static Task<void> Accept(std::shared_ptr<LoopbackListener> self, size_t acceptor);
  static Task<void> Serve(std::shared_ptr<LoopbackListener> self, Socket socket);
  // The page that refuses what was asked, or nullopt for a redirect; then `query` is set.
  std::optional<ResultPage> Refuse(const std::string& head, std::string& query) const;

  const Executor executor_;
  const std::string path_;
  int port_ = 0;
  std::vector<Acceptor> acceptors_;
  Secret state_;
  std::function<void(std::string)> arrived_;
  std::shared_ptr<Waiting> waiting_;
  int connections_ = 0;
  int unsent_ = 0;  // connections that wait for an answer or are sending one
  Event sent_;
};

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_LOOPBACK_LISTENER_H_
