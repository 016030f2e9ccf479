// Opens a stream on each flow of a file, and holds them all.
//
//   watches HOST:PORT TOKENS COUNT CONNECTIONS    prints "READY COUNT" when each stream has said something; ends with
//                                                 SIGTERM, or with 1 when a stream ends
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <future>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "authflow/v1/flow_service.grpc.pb.h"
#include "tests/bench/load.h"

namespace authflow {
namespace {

std::atomic<size_t> spoken = 0;
std::atomic<size_t> wanted = 0;
std::promise<void> all_spoke;

class Stream final : public grpc::ClientReadReactor<v1::WatchFlowResponse> {
 public:
  Stream(v1::FlowService::Stub& stub, const std::string& token) {
    request_.set_flow_token(token);
    stub.async()->WatchFlow(&context_, &request_, this);
    StartRead(&message_);
    StartCall();
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (!std::exchange(spoke_, true) && ++spoken == wanted) all_spoke.set_value();
    StartRead(&message_);
  }
  void OnDone(const grpc::Status& status) override {
    std::cerr << "a stream ended: " << status.error_code() << " " << status.error_message() << std::endl;
    _exit(1);
  }

  grpc::ClientContext context_;
  v1::WatchFlowRequest request_;
  v1::WatchFlowResponse message_;
  bool spoke_ = false;
};

int Main(char** argv) {
  std::ifstream file(argv[2]);
  const size_t count = std::strtoul(argv[3], nullptr, 10);
  const size_t connections = std::strtoul(argv[4], nullptr, 10);
  std::vector<std::string> tokens;
  for (std::string token; tokens.size() < count && std::getline(file, token);) tokens.push_back(token);
  if (tokens.size() < count) {
    std::cerr << "there are only " << tokens.size() << " tokens\n";
    return 2;
  }
  wanted = count;
  std::vector<std::unique_ptr<v1::FlowService::Stub>> stubs;
  for (size_t i = 0; i < connections; ++i) stubs.push_back(v1::FlowService::NewStub(Open(argv[1], nullptr)));
  std::deque<std::unique_ptr<Stream>> streams;
  for (size_t i = 0; i < count; ++i) {
    streams.push_back(std::make_unique<Stream>(*stubs[i % connections], tokens[i]));
  }
  all_spoke.get_future().wait();
  std::cout << "READY " << count << std::endl;
  std::signal(SIGTERM, [](int) { _exit(0); });
  for (;;) pause();
}

}  // namespace
}  // namespace authflow

int main(int argc, char** argv) {
  if (argc == 5) return authflow::Main(argv);
  std::cerr << "usage: watches HOST:PORT TOKENS COUNT CONNECTIONS\n";
  return 2;
}
