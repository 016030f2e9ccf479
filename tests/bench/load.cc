// The load of the benchmarks: calls on many live flows in random order, so many calls in flight.
//
//   load start  HOST:PORT PRODUCT FLOWS IN_FLIGHT TOKENS [CA]   opens flows, writes their tokens, one a line
//   load step   HOST:PORT TOKENS FROM COUNT IN_FLIGHT [CA]      steps COUNT flows of the file, from line FROM
//   load finish HOST:PORT TOKENS FROM COUNT IN_FLIGHT [CA]      ends them: the user cancelled
//
// Each prints one JSON line: calls, seconds, calls a second, latency in microseconds (p50, p99), bytes of a response.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "authflow/v1/flow_service.grpc.pb.h"
#include "server/base/random.h"

namespace authflow {
namespace {

using Clock = std::chrono::steady_clock;

std::shared_ptr<grpc::Channel> Open(const std::string& address, const char* ca) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (ca == nullptr) return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  std::ifstream file(ca, std::ios::binary);
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs.assign(std::istreambuf_iterator<char>(file), {});
  arguments.SetSslTargetNameOverride("localhost");
  return grpc::CreateCustomChannel(address, grpc::SslCredentials(tls), arguments);
}

// One call under way; used again for the next one.
template <typename Request, typename Response>
struct Slot {
  Request request;
  Response response;
  std::unique_ptr<grpc::ClientContext> context;
  Clock::time_point begun;
};

// Keeps IN_FLIGHT calls going until `count` have been made.
template <typename Request, typename Response>
class Load {
 public:
  using Send = std::function<void(v1::FlowService::Stub&, grpc::ClientContext*, const Request*, Response*,
                                  std::function<void(grpc::Status)>)>;
  // `fill` prepares call i; `took` looks at its answer.
  Load(const std::vector<std::shared_ptr<grpc::Channel>>& channels, size_t count, size_t in_flight, Send send,
       std::function<void(size_t, Request&)> fill, std::function<void(size_t, const Response&)> took)
      : count_(count), send_(std::move(send)), fill_(std::move(fill)), took_(std::move(took)), micros_(count) {
    for (const auto& channel : channels) stubs_.push_back(v1::FlowService::NewStub(channel));
    slots_.resize(std::min(in_flight, count));
  }

  // False: a call failed.
  bool Run() {
    const auto start = Clock::now();
    for (size_t i = 0; i < slots_.size(); ++i) Next(i);
    {
      std::unique_lock lock(mutex_);
      done_.wait(lock, [&] { return finished_ == slots_.size(); });
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    std::sort(micros_.begin(), micros_.end());
    std::cout << "{\"calls\": " << count_ << ", \"failed\": " << failed_ << ", \"seconds\": " << seconds
              << ", \"per_second\": " << static_cast<double>(count_) / seconds
              << ", \"p50_us\": " << micros_[count_ / 2] << ", \"p99_us\": " << micros_[count_ * 99 / 100]
              << ", \"response_bytes\": " << bytes_ << "}" << std::endl;
    return failed_ == 0;
  }

 private:
  void Next(size_t slot_index) {
    const size_t call = next_++;
    if (call >= count_) {
      std::lock_guard lock(mutex_);
      ++finished_;
      done_.notify_one();
      return;
    }
    auto& slot = slots_[slot_index];
    fill_(call, slot.request);
    slot.context = std::make_unique<grpc::ClientContext>();
    slot.begun = Clock::now();
    send_(*stubs_[slot_index % stubs_.size()], slot.context.get(), &slot.request, &slot.response,
          [this, call, slot_index](const grpc::Status& status) {
            auto& slot = slots_[slot_index];
            micros_[call] = static_cast<uint32_t>(
                std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - slot.begun).count());
            if (status.ok()) {
              took_(call, slot.response);
              bytes_ = slot.response.ByteSizeLong();
            } else if (++failed_ == 1) {
              std::cerr << status.error_code() << " " << status.error_message() << "\n";
            }
            Next(slot_index);
          });
  }

  const size_t count_;
  const Send send_;
  const std::function<void(size_t, Request&)> fill_;
  const std::function<void(size_t, const Response&)> took_;
  std::vector<std::unique_ptr<v1::FlowService::Stub>> stubs_;
  std::vector<Slot<Request, Response>> slots_;
  std::vector<uint32_t> micros_;
  std::atomic<size_t> next_ = 0;
  std::atomic<size_t> failed_ = 0;
  std::atomic<size_t> bytes_ = 0;
  std::mutex mutex_;
  std::condition_variable done_;
  size_t finished_ = 0;
};

std::vector<std::shared_ptr<grpc::Channel>> Channels(const std::string& address, const char* ca) {
  return {Open(address, ca), Open(address, ca)};
}

int RunStart(char** argv, const char* ca) {
  const std::string product = argv[3];
  const size_t flows = std::strtoul(argv[4], nullptr, 10);
  std::vector<std::string> tokens(flows);
  Load<v1::StartFlowRequest, v1::StartFlowResponse> load(
      Channels(argv[2], ca), flows, std::strtoul(argv[5], nullptr, 10),
      [](auto& stub, auto* context, auto* request, auto* response, auto done) {
        stub.async()->StartFlow(context, request, response, std::move(done));
      },
      [&](size_t, v1::StartFlowRequest& request) {
        const absl::Time now = absl::Now();
        request.set_request_id(RandomUuid(now).ToString());
        request.set_product(product);
        request.set_kind(v1::FLOW_KIND_LOGIN);
        request.set_redirect_uri("http://127.0.0.1:45678/callback");
        v1::Invocation& invocation = *request.mutable_invocation();
        invocation.set_invocation_id(RandomUuid(now).ToString());
        invocation.set_anonymous_id(RandomUuid(now).ToString());
        invocation.set_command("tool login");
        invocation.set_version("1.2.3");
        invocation.set_operating_system("linux");
      },
      [&](size_t call, const v1::StartFlowResponse& response) { tokens[call] = response.flow_token(); });
  const bool ok = load.Run();
  // Steps come from anywhere, not in the order of the starts. A fixed seed: runs compare.
  std::shuffle(tokens.begin(), tokens.end(), std::mt19937_64(1));
  std::ofstream file(argv[6]);
  for (const std::string& token : tokens) file << token << "\n";
  return ok && file.flush().good() ? 0 : 1;
}

// One call on each of COUNT flows of the file.
template <typename Request, typename Response>
int RunOnFlows(char** argv, const char* ca, typename Load<Request, Response>::Send send, void (*fill)(Request&)) {
  std::ifstream file(argv[3]);
  std::vector<std::string> tokens;
  for (std::string token; std::getline(file, token);) tokens.push_back(token);
  const size_t from = std::strtoul(argv[4], nullptr, 10);
  const size_t count = std::strtoul(argv[5], nullptr, 10);
  if (from + count > tokens.size()) {
    std::cerr << "there are only " << tokens.size() << " tokens\n";
    return 2;
  }
  Load<Request, Response> load(
      Channels(argv[2], ca), count, std::strtoul(argv[6], nullptr, 10), std::move(send),
      [&](size_t call, Request& request) {
        request.set_flow_token(tokens[from + call]);
        fill(request);
      },
      [](size_t, const Response&) {});
  return load.Run() ? 0 : 1;
}

int RunStep(char** argv, const char* ca) {
  return RunOnFlows<v1::RecordStepRequest, v1::RecordStepResponse>(
      argv, ca,
      [](auto& stub, auto* context, auto* request, auto* response, auto done) {
        stub.async()->RecordStep(context, request, response, std::move(done));
      },
      [](v1::RecordStepRequest& request) { request.set_step(v1::STEP_BROWSER_WAIT); });
}

int RunFinish(char** argv, const char* ca) {
  return RunOnFlows<v1::FinishFlowRequest, v1::FinishFlowResponse>(
      argv, ca,
      [](auto& stub, auto* context, auto* request, auto* response, auto done) {
        stub.async()->FinishFlow(context, request, response, std::move(done));
      },
      [](v1::FinishFlowRequest& request) {
        request.mutable_outcome()->mutable_aborted()->set_reason(v1::ABORT_REASON_USER_CANCELLED);
      });
}

}  // namespace
}  // namespace authflow

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "start" && (argc == 7 || argc == 8)) return authflow::RunStart(argv, argc == 8 ? argv[7] : nullptr);
  if (verb == "step" && (argc == 7 || argc == 8)) return authflow::RunStep(argv, argc == 8 ? argv[7] : nullptr);
  if (verb == "finish" && (argc == 7 || argc == 8)) return authflow::RunFinish(argv, argc == 8 ? argv[7] : nullptr);
  std::cerr << "usage: load start HOST:PORT PRODUCT FLOWS IN_FLIGHT TOKENS [CA]\n"
               "       load step|finish HOST:PORT TOKENS FROM COUNT IN_FLIGHT [CA]\n";
  return 2;
}
