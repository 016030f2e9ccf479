// The reference of the benchmarks: answers as authflowd would, from memory.
//
//   echo_server HOST:PORT RESPONSE_BYTES [CERTIFICATE KEY]   RecordStep and WatchFlow, with so many bytes
//   echo_server HOST:PORT SAMPLES [CERTIFICATE KEY]          the calls of a login, with the answers in that folder
//
// Prints "READY HOST:PORT", ends with SIGTERM.
#include <grpcpp/grpcpp.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

#include "authflow/v1/application_service.grpc.pb.h"
#include "authflow/v1/flow_service.grpc.pb.h"
#include "authflow/v1/token_service.grpc.pb.h"

namespace authflow {
namespace {

std::string ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

grpc::ServerUnaryReactor* Done(grpc::CallbackServerContext* context) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

template <typename Message>
Message Sample(const std::string& folder, const char* name) {
  Message message;
  if (!folder.empty()) message.ParseFromString(ReadFile((folder + "/" + name).c_str()));
  return message;
}

// Sends one message and stays open until the client cancels.
class OneMessage final : public grpc::ServerWriteReactor<v1::WatchFlowResponse> {
 public:
  explicit OneMessage(const v1::WatchFlowResponse* message) { StartWrite(message); }
  void OnCancel() override { Finish(grpc::Status::CANCELLED); }
  void OnDone() override { delete this; }
};

class Flows final : public v1::FlowService::CallbackService {
 public:
  explicit Flows(size_t bytes) {
    browser_wait_.set_authorization_url(std::string(bytes, 'u'));
    watch_.mutable_flow()->set_flow_id(std::string(bytes, 'f'));
  }
  explicit Flows(const std::string& folder)
      : start_(Sample<v1::StartFlowResponse>(folder, "StartFlow")),
        browser_wait_(Sample<v1::RecordStepResponse>(folder, "RecordStep.1")),
        step_(Sample<v1::RecordStepResponse>(folder, "RecordStep")),
        watch_(Sample<v1::WatchFlowResponse>(folder, "WatchFlow")),
        finish_(Sample<v1::FinishFlowResponse>(folder, "FinishFlow")) {}

  grpc::ServerUnaryReactor* StartFlow(grpc::CallbackServerContext* context, const v1::StartFlowRequest*,
                                      v1::StartFlowResponse* response) override {
    *response = start_;
    return Done(context);
  }
  grpc::ServerUnaryReactor* RecordStep(grpc::CallbackServerContext* context, const v1::RecordStepRequest* request,
                                       v1::RecordStepResponse* response) override {
    *response = request->step() == v1::STEP_BROWSER_WAIT ? browser_wait_ : step_;
    return Done(context);
  }
  grpc::ServerWriteReactor<v1::WatchFlowResponse>* WatchFlow(grpc::CallbackServerContext*,
                                                             const v1::WatchFlowRequest*) override {
    return new OneMessage(&watch_);
  }
  grpc::ServerUnaryReactor* FinishFlow(grpc::CallbackServerContext* context, const v1::FinishFlowRequest*,
                                       v1::FinishFlowResponse* response) override {
    *response = finish_;
    return Done(context);
  }

 private:
  v1::StartFlowResponse start_;
  v1::RecordStepResponse browser_wait_;
  v1::RecordStepResponse step_;
  v1::WatchFlowResponse watch_;
  v1::FinishFlowResponse finish_;
};

class Exchange final : public v1::TokenService::CallbackService {
 public:
  explicit Exchange(const std::string& folder) : response_(Sample<v1::ExchangeCodeResponse>(folder, "ExchangeCode")) {}

  grpc::ServerUnaryReactor* ExchangeCode(grpc::CallbackServerContext* context, const v1::ExchangeCodeRequest*,
                                         v1::ExchangeCodeResponse* response) override {
    *response = response_;
    return Done(context);
  }

 private:
  const v1::ExchangeCodeResponse response_;
};

class Applications final : public v1::ApplicationService::CallbackService {
 public:
  explicit Applications(const std::string& folder)
      : response_(Sample<v1::ListApplicationsResponse>(folder, "ListApplications")) {}

  grpc::ServerUnaryReactor* ListApplications(grpc::CallbackServerContext* context, const v1::ListApplicationsRequest*,
                                             v1::ListApplicationsResponse* response) override {
    *response = response_;
    return Done(context);
  }

 private:
  const v1::ListApplicationsResponse response_;
};

int Main(int argc, char** argv) {
  if (argc != 3 && argc != 5) {
    std::cerr << "usage: echo_server HOST:PORT RESPONSE_BYTES|SAMPLES [CERTIFICATE KEY]\n";
    return 2;
  }
  auto credentials = grpc::InsecureServerCredentials();
  if (argc == 5) {
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs.push_back({ReadFile(argv[4]), ReadFile(argv[3])});
    credentials = grpc::SslServerCredentials(tls);
  }
  char* end = nullptr;
  const size_t bytes = std::strtoul(argv[2], &end, 10);
  const std::string samples = *end == '\0' ? "" : argv[2];
  const auto flows = samples.empty() ? std::make_unique<Flows>(bytes) : std::make_unique<Flows>(samples);
  Exchange exchange(samples);
  Applications applications(samples);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(argv[1], credentials, &port);
  builder.RegisterService(flows.get());
  builder.RegisterService(&exchange);
  builder.RegisterService(&applications);
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
