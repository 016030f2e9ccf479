// The first step: somewhere to be sent back to, and StartFlow.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/login_flow.h"
#include "client/cli/redirect_targets.h"
#include "client/cli/rpc.h"
#include "server/base/random.h"

namespace authflow {
namespace {

constexpr CallOptions kStartCall = {.deadline = absl::Seconds(40), .retry_for = absl::Seconds(5)};

// No browser opens on this machine.
bool OpensNoBrowser(const Options& options) { return options.no_browser || options.device; }

void Adopt(LoginFlow& flow, const v1::StartFlowResponse& response) {
  const auto& started = response.flow();
  flow.token = Secret(response.flow_token());
  flow.id = started.flow_id();
  flow.authorization_url = response.authorization_url();
  flow.state = Secret(response.state());
  flow.device_grant = response.device_grant();
  flow.begun = SteadyNow();
  flow.EndsAsIn(started);
  flow.command->out.Debug(absl::StrCat("flow: ", flow.id));
  flow.command->out.Debug(flow.recorded()
                              ? absl::StrCat("recorded: CLI Auth Started flow=",
                                             flow.plan.kind == v1::FLOW_KIND_SIGNUP ? "signup" : "login",
                                             " no_browser=", OpensNoBrowser(flow.command->options) ? "true" : "false")
                              : std::string("nothing of this flow is recorded"));
}

// StartFlow with a request_id of its own. A signal does not take the call back: its answer is what lets us end the
// flow.
Task<absl::Status> StartAt(LoginFlowPtr flow, std::string redirect_uri) {
  const Command& command = *flow->command;
  v1::StartFlowRequest request;
  request.set_request_id(RandomUuid(command.clock.Now()).ToString());
  request.set_product(command.product);
  request.set_kind(flow->plan.kind);
  request.set_redirect_uri(redirect_uri);
  request.set_no_browser(OpensNoBrowser(command.options));
  *request.mutable_invocation() = command.invocation;
  if (flow->plan.kind == v1::FLOW_KIND_REAUTHENTICATION && command.login && command.login->email.size() <= 254) {
    request.set_login_hint(command.login->email);
  }
  auto result = std::make_shared<absl::Status>();
  const auto answered = [flow, result](absl::StatusOr<v1::StartFlowResponse> response) {
    flow->starting = false;
    *result = response.status();
    if (response.ok()) {
      Adopt(*flow, *response);
    } else {
      const auto metadata = MetadataOf(response.status());
      if (const auto id = metadata.find("flow_id"); id != metadata.end()) flow->id = id->second;
    }
    flow->changed.Poke();
  };
  flow->starting = true;
  flow->start =
      SendDetached(command.executor, *command.client, &Client::StartFlow, std::move(request), kStartCall, answered);
  while (flow->starting) co_await flow->changed.WaitUntil(SteadyTime::max());
  co_return *result;
}

// Listens at `target`; false: its port is taken.
bool ListenAt(LoginFlow& flow, const RedirectTarget& target) {
  auto listener = LoopbackListener::Listen(flow.command->executor, target.host, target.port, target.path);
  if (listener.ok()) flow.listener = *std::move(listener);
  return listener.ok();
}

void StopListening(LoginFlow& flow) {
  if (flow.listener) flow.listener->Close();
  flow.listener = nullptr;
}

void Watch(LoginFlowPtr flow) {
  v1::WatchFlowRequest request;
  request.set_flow_token(flow->token.Reveal());
  const Executor executor = flow->command->executor;
  std::weak_ptr<LoginFlow> weak = flow;
  flow->watch = flow->command->client->WatchFlow(
      std::move(request),
      [executor, weak](const v1::WatchFlowResponse& message) {
        if (!message.flow().has_outcome()) return;
        boost::asio::post(executor, [weak, outcome = message.flow().outcome()] {
          if (auto flow = weak.lock()) flow->Ended(outcome);
        });
      },
      // What refuses the watch refuses the next call as well, and that one is asked.
      [](absl::Status) {},
      [executor, weak] {
        boost::asio::post(executor, [weak] {
          auto flow = weak.lock();
          if (!flow) return;
          flow->command->out.Say(
              "This network lets no stream through: asking every 2 seconds instead. Should this terminal be closed, "
              "the server notices only when the login's time is up.");
        });
      });
}

}  // namespace

Task<absl::Status> StartStep(LoginFlowPtr flow) {
  const Command& command = *flow->command;
  const WaitLine wait(command.executor, command.out, command.Asking("Asking the authflow server", command.begun));
  RedirectTarget target;
  // With a code nothing is sent back to this machine.
  bool listening = !command.options.device && ListenAt(*flow, target);
  const std::string first_uri = listening ? target.Uri(flow->listener->port()) : "";
  absl::Status status = co_await StartAt(flow, first_uri);
  if (ClassOf(status) == v1::ERROR_CLASS_REDIRECT_URI_NOT_ALLOWED) {
    StopListening(*flow);
    auto metadata = MetadataOf(status);
    const auto targets = ParseRedirectTargets(metadata["redirect_uris"]);
    if (targets.empty()) co_return status;
    listening = false;
    for (const auto& allowed : targets) {
      target = allowed;
      listening = ListenAt(*flow, target);
      if (listening) break;
    }
    const std::string second_uri = listening ? target.Uri(flow->listener->port()) : "";
    status = co_await StartAt(flow, second_uri);
  }
  if (!status.ok()) co_return status;
  Watch(flow);
  if (!listening && command.terminal == nullptr && !command.options.device) {
    co_return Refusal(v1::ERROR_CLASS_CLIENT_PORTS_BUSY,
                      "Each port that the sign-in may come back to is taken by another program: free one, or run this "
                      "in a terminal where you can paste the address.");
  }
  co_return absl::OkStatus();
}

}  // namespace authflow
