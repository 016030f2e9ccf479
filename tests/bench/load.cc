// The load of the benchmarks: calls on many live flows in random order, so many calls in flight.
//
//   load start  HOST:PORT PRODUCT FLOWS IN_FLIGHT TOKENS [CA]   opens flows, writes their tokens, one a line
//   load step   HOST:PORT TOKENS FROM COUNT IN_FLIGHT [CA]      steps COUNT flows of the file, from line FROM
//   load finish HOST:PORT TOKENS FROM COUNT IN_FLIGHT [CA]      ends them: the user cancelled
//
// Each prints one JSON line: calls, seconds, calls a second, latency in microseconds (p50, p99), bytes of a response.
#include "tests/bench/load.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "authflow/v1/flow_service.grpc.pb.h"
#include "tests/bench/start_request.h"

namespace authflow {
namespace {

int RunStart(char** argv, const char* ca) {
  const std::string product = argv[3];
  const size_t flows = std::strtoul(argv[4], nullptr, 10);
  std::vector<std::string> tokens(flows);
  Load<v1::FlowService, v1::StartFlowRequest, v1::StartFlowResponse> load(
      Channels(argv[2], ca), flows, std::strtoul(argv[5], nullptr, 10),
      [](auto& stub, auto* context, auto* request, auto* response, auto done) {
        stub.async()->StartFlow(context, request, response, std::move(done));
      },
      [&](size_t, v1::StartFlowRequest& request) { FillStart(product, request); },
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
int RunOnFlows(char** argv, const char* ca, typename Load<v1::FlowService, Request, Response>::Send send,
               void (*fill)(Request&)) {
  std::ifstream file(argv[3]);
  std::vector<std::string> tokens;
  for (std::string token; std::getline(file, token);) tokens.push_back(token);
  const size_t from = std::strtoul(argv[4], nullptr, 10);
  const size_t count = std::strtoul(argv[5], nullptr, 10);
  if (from + count > tokens.size()) {
    std::cerr << "there are only " << tokens.size() << " tokens\n";
    return 2;
  }
  Load<v1::FlowService, Request, Response> load(
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
