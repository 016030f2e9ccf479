// The client library: authflow's RPCs with deadlines, retries and cancellation. What other services link.
//
// Every call is sent at once and answered exactly once, on a thread of gRPC's; an answer must not block. Errors are
// absl::Status: one that the server named carries its class and metadata (ClassOf, MetadataOf in
// server/base/error_class.h); one without a class is the network's (UNAVAILABLE, DEADLINE_EXCEEDED) or our own
// CANCELLED. The message is a sentence for a person and has no secret in it.
//
// A call is sent again when the connection broke or the store was away: every RPC may be repeated (its comment in the
// proto says what the second one does). A refusal is an answer and is never tried again.
#ifndef AUTHFLOW_CLIENT_AUTHFLOW_CLIENT_H_
#define AUTHFLOW_CLIENT_AUTHFLOW_CLIENT_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authflow/v1/application_service.pb.h"
#include "authflow/v1/command_service.pb.h"
#include "authflow/v1/flow_service.pb.h"
#include "authflow/v1/token_service.pb.h"
#include "server/base/error_class.h"

namespace authflow {

struct ClientOptions {
  // "https://host[:port]" (TLS; port 443 if none), "http://host:port" (plaintext), or "host:port": plaintext for a
  // loopback address, TLS for all others.
  std::string server;
  // PEM file of the authorities to trust; empty: the system's.
  std::string ca_file;
  // Sent before gRPC's own user agent: "tool/1.2".
  std::string user_agent;
  // Sent with each call (W3C Trace Context): the server's log then names the trace. Not sent if it is not of that form.
  std::string traceparent;
  // A watch that hears nothing for so long when it opens, or three times as long later on, asks GetFlow instead.
  absl::Duration poll_after = absl::Seconds(5);
};

struct CallOptions {
  // For the whole call, all tries together.
  absl::Duration deadline = absl::Seconds(10);
  // No try begins later than this; at most `deadline`.
  absl::Duration retry_for = absl::InfiniteDuration();
};

// A call under way. Copies refer to the same call; letting go of all of them does not end it. Thread-safe.
class Call {
 public:
  class State {
   public:
    virtual ~State() = default;
    virtual void Cancel() = 0;
    virtual void StopRetrying() = 0;
  };

  Call() = default;
  explicit Call(std::shared_ptr<State> state) : state_(std::move(state)) {}
  // The answer is CANCELLED, soon, unless there already was one. What the server has begun may still happen.
  void Cancel() const {
    if (state_) state_->Cancel();
  }
  // The try that runs is the last one; between two tries: the answer is the last error, now.
  void StopRetrying() const {
    if (state_) state_->StopRetrying();
  }

 private:
  std::shared_ptr<State> state_;
};

template <typename Response>
using Answer = std::function<void(absl::StatusOr<Response>)>;

// A WatchFlow stream that opens itself again. Letting go of it ends it; no callback begins after its destructor has
// returned (so it must not be destroyed inside one). Thread-safe.
class FlowWatch {
 public:
  virtual ~FlowWatch() = default;
};

// One server, one channel, shared by all threads. Calls under way may outlive the client.
class Client {
 public:
  // INVALID_ARGUMENT: `server` has no valid form; NOT_FOUND: ca_file cannot be read. Does not connect.
  static absl::StatusOr<std::shared_ptr<Client>> Create(const ClientOptions& options);
  virtual ~Client() = default;

  // The server in its full form: "https://host:port" or "http://host:port".
  virtual const std::string& server() const = 0;

  virtual Call StartFlow(v1::StartFlowRequest, CallOptions, Answer<v1::StartFlowResponse>) = 0;
  virtual Call RecordStep(v1::RecordStepRequest, CallOptions, Answer<v1::RecordStepResponse>) = 0;
  virtual Call FinishFlow(v1::FinishFlowRequest, CallOptions, Answer<v1::FinishFlowResponse>) = 0;
  virtual Call GetFlow(v1::GetFlowRequest, CallOptions, Answer<v1::GetFlowResponse>) = 0;
  virtual Call ExchangeCode(v1::ExchangeCodeRequest, CallOptions, Answer<v1::ExchangeCodeResponse>) = 0;
  virtual Call StartDeviceAuthorization(v1::StartDeviceAuthorizationRequest, CallOptions,
                                        Answer<v1::StartDeviceAuthorizationResponse>) = 0;
  // Held by the server for 20 s, and longer while it asks the provider.
  virtual Call AwaitDevice(v1::AwaitDeviceRequest, CallOptions, Answer<v1::AwaitDeviceResponse>) = 0;
  virtual Call RefreshToken(v1::RefreshTokenRequest, CallOptions, Answer<v1::RefreshTokenResponse>) = 0;
  virtual Call RevokeToken(v1::RevokeTokenRequest, CallOptions, Answer<v1::RevokeTokenResponse>) = 0;
  virtual Call ListApplications(v1::ListApplicationsRequest, CallOptions, Answer<v1::ListApplicationsResponse>) = 0;
  virtual Call CreateApplication(v1::CreateApplicationRequest, CallOptions, Answer<v1::CreateApplicationResponse>) = 0;
  virtual Call StartCommand(v1::StartCommandRequest, CallOptions, Answer<v1::StartCommandResponse>) = 0;
  virtual Call FinishCommand(v1::FinishCommandRequest, CallOptions, Answer<v1::FinishCommandResponse>) = 0;

  // Watches a flow; the open stream is also the flow's sign of life. A stream that breaks, or whose server drains, is
  // opened again (after 0.1 s, growing to 3 s, for as long as the watch is held). `changed` gets every message, in
  // order. `ended` is called once, and last: OK after a message that has the outcome or says replaced; else the
  // refusal. Where streams are blocked (ClientOptions::poll_after) the flow is asked every 2 s: `changed` gets those
  // answers, and `polls` is called once. What that loses: it is no sign of life, so that a client that dies is noticed
  // when its flow's time is up.
  virtual std::unique_ptr<FlowWatch> WatchFlow(v1::WatchFlowRequest request,
                                               std::function<void(const v1::WatchFlowResponse&)> changed,
                                               std::function<void(absl::Status)> ended,
                                               std::function<void()> polls = {}) = 0;
};

// The blocking form: Wait(*client, &Client::GetFlow, request). Not on a thread of gRPC's.
template <typename Request, typename Response>
absl::StatusOr<Response> Wait(Client& client, Call (Client::*method)(Request, CallOptions, Answer<Response>),
                              Request request, CallOptions options = {}) {
  struct Shared {
    std::mutex mutex;
    std::condition_variable answered;
    std::optional<absl::StatusOr<Response>> answer;
  };
  auto shared = std::make_shared<Shared>();
  (client.*method)(std::move(request), options, [shared](absl::StatusOr<Response> answer) {
    std::lock_guard lock(shared->mutex);
    shared->answer = std::move(answer);
    shared->answered.notify_one();
  });
  std::unique_lock lock(shared->mutex);
  shared->answered.wait(lock, [&] { return shared->answer.has_value(); });
  return *std::move(shared->answer);
}

// True for an error of the way to the server: nobody knows whether the call took effect.
bool IsNetworkError(const absl::Status& status);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_AUTHFLOW_CLIENT_H_
