// The reference of the benchmarks: answers RecordStep with as many bytes as authflowd would, from memory; a WatchFlow
// says one message and stays open.
//
//   echo_server HOST:PORT RESPONSE_BYTES [CERTIFICATE KEY]     prints "READY HOST:PORT", ends with SIGTERM
#include <grpcpp/grpcpp.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "authflow/v1/flow_service.grpc.pb.h"

namespace authflow {
namespace {

class Echo final : public v1::FlowService::CallbackService {
 public:
  explicit Echo(size_t bytes) : bytes_(bytes) {}

  grpc::ServerUnaryReactor* RecordStep(grpc::CallbackServerContext* context, const v1::RecordStepRequest*,
                                       v1::RecordStepResponse* response) override {
    response->set_authorization_url(std::string(bytes_, 'u'));
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerWriteReactor<v1::WatchFlowResponse>* WatchFlow(grpc::CallbackServerContext*,
                                                             const v1::WatchFlowRequest*) override {
    return new Watch(bytes_);
  }

 private:
  class Watch final : public grpc::ServerWriteReactor<v1::WatchFlowResponse> {
   public:
    explicit Watch(size_t bytes) {
      v1::WatchFlowResponse message;
      message.mutable_flow()->set_flow_id(std::string(bytes, 'f'));
      StartWrite(&(message_ = std::move(message)));
    }

   private:
    void OnCancel() override { Finish(grpc::Status::CANCELLED); }
    void OnDone() override { delete this; }
    v1::WatchFlowResponse message_;
  };

  const size_t bytes_;
};

std::string ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int Main(int argc, char** argv) {
  if (argc != 3 && argc != 5) {
    std::cerr << "usage: echo_server HOST:PORT RESPONSE_BYTES [CERTIFICATE KEY]\n";
    return 2;
  }
  auto credentials = grpc::InsecureServerCredentials();
  if (argc == 5) {
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs.push_back({ReadFile(argv[4]), ReadFile(argv[3])});
    credentials = grpc::SslServerCredentials(tls);
  }
  Echo echo(std::strtoul(argv[2], nullptr, 10));
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(argv[1], credentials, &port);
  builder.RegisterService(&echo);
  const auto server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  const std::string address = argv[1];
  std::cout << "READY " << address.substr(0, address.rfind(':')) << ":" << port << std::endl;
  server->Wait();
  return 0;
}

}  // namespace
}  // namespace authflow

int main(int argc, char** argv) { return authflow::Main(argc, argv); }
