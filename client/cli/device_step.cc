#include "client/cli/device_step.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "boost/asio/co_spawn.hpp"
#include "boost/asio/detached.hpp"
#include "client/cli/rpc.h"

namespace authflow {
namespace {

// The server holds a call for 20 s and may then be asking the provider.
constexpr CallOptions kAwaitCall = {.deadline = absl::Seconds(150), .retry_for = absl::Seconds(60)};
// Between two answers that came at once: a server that is about to stop holds no call.
constexpr std::chrono::seconds kPause(1);

// As Send, but it is EndDevice that cancels it.
template <typename Request, typename Response>
Task<absl::StatusOr<Response>> AskServer(LoginFlowPtr flow, Method<Request, Response> method, Request request,
                                         CallOptions options) {
  struct Shared {
    explicit Shared(Executor executor) : answered(std::move(executor)) {}
    Event answered;
    absl::StatusOr<Response> answer = absl::CancelledError("");
  };
  const Command& command = *flow->command;
  auto shared = std::make_shared<Shared>(command.executor);
  const auto answered = [shared](absl::StatusOr<Response> response) {
    shared->answer = std::move(response);
    shared->answered.Set();
  };
  flow->device_call = SendDetached(command.executor, *command.client, method, std::move(request), options, answered);
  while (!shared->answered.is_set()) co_await shared->answered.WaitUntil(SteadyTime::max());
  co_return std::move(shared->answer);
}

void Show(const Command& command, const v1::StartDeviceAuthorizationResponse& device) {
  const Output& out = command.out;
  if (command.options.json || command.options.non_interactive || !out.looks().redraws) {
    // A line each, for whoever reads lines: scripts, and screen readers.
    out.Say(absl::StrCat("Open this address on any device: ", device.verification_uri()));
    out.Say(absl::StrCat("Type in this code there: ", device.user_code()));
    return;
  }
  // In one piece: a line that moves would come in between.
  std::string text = absl::StrCat("Your code:  ", device.user_code(),
                                  "\n\nOpen this address on any device, and type it in there:\n\n    ",
                                  device.verification_uri(), "\n");
  if (!device.verification_uri_complete().empty()) {
    absl::StrAppend(&text, "\nOr open this one, which has the code in it:\n\n    ", device.verification_uri_complete(),
                    "\n");
  }
  out.Say(text, Tone::kChosen);
}

// What came of it, unless nobody waits any more.
void Tell(LoginFlow& flow, int round, absl::StatusOr<v1::AwaitDeviceResponse> answer) {
  if (round != flow.device_round) return;
  flow.device_waits = false;
  flow.device_answer = std::move(answer);
  flow.changed.Poke();
}

// The browser goes on; nobody is sent this way again.
void GiveUp(LoginFlow& flow, DeviceWish wish, const absl::Status& status) {
  const Output& out = flow.command->out;
  const std::string text = absl::StrCat("No sign-in with a code: ", std::string(status.message()));
  if (wish == DeviceWish::kAsked) out.Say(text);
  if (wish == DeviceWish::kOffer) out.Debug(text);
  flow.device_waits = false;
  flow.device = false;
  flow.device_grant = false;
}

Task<void> SignIn(LoginFlowPtr flow, DeviceWish wish, int round) {
  v1::StartDeviceAuthorizationRequest start;
  start.set_flow_token(flow->token.Reveal());
  const auto device = co_await AskServer(flow, &Client::StartDeviceAuthorization, std::move(start), kShortCall);
  if (round != flow->device_round) co_return;
  if (!device.ok() && flow->command->options.device) co_return Tell(*flow, round, device.status());
  if (!device.ok()) co_return GiveUp(*flow, wish, device.status());
  Show(*flow->command, *device);
  flow->device_ends = std::min(flow->ends, SteadyNow() + std::chrono::seconds(device->expires_in().seconds()));
  flow->changed.Poke();
  while (round == flow->device_round) {
    v1::AwaitDeviceRequest request;
    request.set_flow_token(flow->token.Reveal());
    request.set_device_code(device->device_code());
    const SteadyTime asked = SteadyNow();
    auto answer = co_await AskServer(flow, &Client::AwaitDevice, std::move(request), kAwaitCall);
    // A server that is away is waited for: the flow's own time ends that.
    const bool again = answer.ok() ? answer->pending() : IsNetworkError(answer.status());
    const bool not_for_us = ClassOf(answer.status()) == v1::ERROR_CLASS_PROVIDER_CLIENT_REFUSED;
    if (not_for_us && !flow->command->options.device && round == flow->device_round) {
      co_return GiveUp(*flow, wish, answer.status());
    }
    if (!again) co_return Tell(*flow, round, std::move(answer));
    if (round == flow->device_round && SteadyNow() - asked < kPause) {
      Event pause(flow->command->executor);
      co_await pause.WaitUntil(asked + kPause);
    }
  }
}

}  // namespace

void BeginDevice(LoginFlowPtr flow, DeviceWish wish) {
  if (flow->device_waits) return;
  flow->device = true;
  flow->device_waits = true;
  flow->device_answer.reset();
  flow->device_ends.reset();
  const int round = ++flow->device_round;
  const Executor executor = flow->command->executor;
  boost::asio::co_spawn(executor, SignIn(std::move(flow), wish, round), boost::asio::detached);
}

void EndDevice(LoginFlow& flow) {
  ++flow.device_round;
  flow.device_waits = false;
  flow.device_answer.reset();
  flow.device_call.Cancel();
}

}  // namespace authflow
