#include "client/authflow_client.h"

#include <utility>

#include "authflow/v1/application_service.grpc.pb.h"
#include "authflow/v1/command_service.grpc.pb.h"
#include "authflow/v1/flow_service.grpc.pb.h"
#include "authflow/v1/token_service.grpc.pb.h"
#include "client/channel.h"
#include "client/flow_watch.h"
#include "client/unary_call.h"

namespace authflow {
namespace {

template <typename Async, typename Request, typename Response>
using AsyncMethod = void (Async::*)(grpc::ClientContext*, const Request*, Response*, std::function<void(grpc::Status)>);

// Tries hold the stub, so that a call outlives its client.
template <typename Stub, typename Async, typename Request, typename Response>
Call Send(std::shared_ptr<Stub> stub, AsyncMethod<Async, Request, Response> method, Request request,
          CallOptions options, Answer<Response> answer) {
  auto call = std::make_shared<UnaryCall<Request, Response>>(
      [stub = std::move(stub), method](grpc::ClientContext* context, const Request* request, Response* response,
                                       std::function<void(grpc::Status)> done) {
        (stub->async()->*method)(context, request, response, std::move(done));
      },
      std::move(request), options, std::move(answer));
  call->Start();
  return Call(std::move(call));
}

class GrpcClient final : public Client {
 public:
  GrpcClient(std::string server, std::shared_ptr<grpc::Channel> channel, absl::Duration poll_after)
      : server_(std::move(server)),
        poll_after_(poll_after),
        flows_(v1::FlowService::NewStub(channel)),
        tokens_(v1::TokenService::NewStub(channel)),
        applications_(v1::ApplicationService::NewStub(channel)),
        commands_(v1::CommandService::NewStub(channel)) {}

  const std::string& server() const override { return server_; }

  Call StartFlow(v1::StartFlowRequest request, CallOptions options, Answer<v1::StartFlowResponse> answer) override {
    return Send(flows_, &v1::FlowService::Stub::async::StartFlow, std::move(request), options, std::move(answer));
  }
  Call RecordStep(v1::RecordStepRequest request, CallOptions options, Answer<v1::RecordStepResponse> answer) override {
    return Send(flows_, &v1::FlowService::Stub::async::RecordStep, std::move(request), options, std::move(answer));
  }
  Call FinishFlow(v1::FinishFlowRequest request, CallOptions options, Answer<v1::FinishFlowResponse> answer) override {
    return Send(flows_, &v1::FlowService::Stub::async::FinishFlow, std::move(request), options, std::move(answer));
  }
  Call GetFlow(v1::GetFlowRequest request, CallOptions options, Answer<v1::GetFlowResponse> answer) override {
    return Send(flows_, &v1::FlowService::Stub::async::GetFlow, std::move(request), options, std::move(answer));
  }
  Call ExchangeCode(v1::ExchangeCodeRequest request, CallOptions options,
                    Answer<v1::ExchangeCodeResponse> answer) override {
    return Send(tokens_, &v1::TokenService::Stub::async::ExchangeCode, std::move(request), options, std::move(answer));
  }
  Call StartDeviceAuthorization(v1::StartDeviceAuthorizationRequest request, CallOptions options,
                                Answer<v1::StartDeviceAuthorizationResponse> answer) override {
    return Send(tokens_, &v1::TokenService::Stub::async::StartDeviceAuthorization, std::move(request), options,
                std::move(answer));
  }
  Call AwaitDevice(v1::AwaitDeviceRequest request, CallOptions options,
                   Answer<v1::AwaitDeviceResponse> answer) override {
    return Send(tokens_, &v1::TokenService::Stub::async::AwaitDevice, std::move(request), options, std::move(answer));
  }
  Call RefreshToken(v1::RefreshTokenRequest request, CallOptions options,
                    Answer<v1::RefreshTokenResponse> answer) override {
    return Send(tokens_, &v1::TokenService::Stub::async::RefreshToken, std::move(request), options, std::move(answer));
  }
  Call RevokeToken(v1::RevokeTokenRequest request, CallOptions options,
                   Answer<v1::RevokeTokenResponse> answer) override {
    return Send(tokens_, &v1::TokenService::Stub::async::RevokeToken, std::move(request), options, std::move(answer));
  }
  Call ListApplications(v1::ListApplicationsRequest request, CallOptions options,
                        Answer<v1::ListApplicationsResponse> answer) override {
    return Send(applications_, &v1::ApplicationService::Stub::async::ListApplications, std::move(request), options,
                std::move(answer));
  }
  Call CreateApplication(v1::CreateApplicationRequest request, CallOptions options,
                         Answer<v1::CreateApplicationResponse> answer) override {
    return Send(applications_, &v1::ApplicationService::Stub::async::CreateApplication, std::move(request), options,
                std::move(answer));
  }
  Call StartCommand(v1::StartCommandRequest request, CallOptions options,
                    Answer<v1::StartCommandResponse> answer) override {
    return Send(commands_, &v1::CommandService::Stub::async::StartCommand, std::move(request), options,
                std::move(answer));
  }
  Call FinishCommand(v1::FinishCommandRequest request, CallOptions options,
                     Answer<v1::FinishCommandResponse> answer) override {
    return Send(commands_, &v1::CommandService::Stub::async::FinishCommand, std::move(request), options,
                std::move(answer));
  }

  std::unique_ptr<FlowWatch> WatchFlow(v1::WatchFlowRequest request,
                                       std::function<void(const v1::WatchFlowResponse&)> changed,
                                       std::function<void(absl::Status)> ended, std::function<void()> polls) override {
    return StartFlowWatch(flows_, std::move(request), std::move(changed), std::move(ended), std::move(polls),
                          poll_after_);
  }

 private:
  const std::string server_;
  const absl::Duration poll_after_;
  const std::shared_ptr<v1::FlowService::Stub> flows_;
  const std::shared_ptr<v1::TokenService::Stub> tokens_;
  const std::shared_ptr<v1::ApplicationService::Stub> applications_;
  const std::shared_ptr<v1::CommandService::Stub> commands_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<Client>> Client::Create(const ClientOptions& options) {
  const auto address = ParseServer(options.server);
  if (!address.ok()) return address.status();
  auto channel = OpenChannel(*address, options);
  if (!channel.ok()) return channel.status();
  return std::make_shared<GrpcClient>(address->Full(), *std::move(channel), options.poll_after);
}

}  // namespace authflow
