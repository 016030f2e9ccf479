// ApplicationService: what the user picks or creates after signing in.

#include <algorithm>
#include <memory>
#include <utility>

#include "authflow/v1/application_service.grpc.pb.h"
#include "server/rpc/bridge.h"
#include "server/rpc/convert.h"
#include "server/rpc/services.h"
#include "server/rpc/validate.h"

namespace authflow {
namespace {

constexpr int kDefaultPage = 50;
constexpr int kLargestPage = 1000;

// Takes the caller's three fields out of a request.
template <typename Request>
absl::StatusOr<Caller> TakeCaller(const World& world, Request& request, Note& note) {
  Caller caller;
  caller.product = std::move(*request.mutable_product());
  if (!request.flow_token().empty()) {
    const absl::StatusOr<FlowToken> token = OpenToken(world, request.mutable_flow_token(), note);
    if (!token.ok()) return token.status();
    caller.flow_token = *token;
  }
  caller.access_token = Secret(std::move(*request.mutable_access_token()));
  return caller;
}

Task<absl::StatusOr<v1::ListApplicationsResponse>> HandleListApplications(World& world,
                                                                          v1::ListApplicationsRequest request,
                                                                          std::shared_ptr<Note> note) {
  if (absl::Status shape = Validate(request); !shape.ok()) co_return shape;
  absl::StatusOr<Caller> caller = TakeCaller(world, request, *note);
  if (!caller.ok()) co_return caller.status();
  const int size = request.page_size() == 0 ? kDefaultPage : std::min(request.page_size(), kLargestPage);
  std::string page_token = std::move(*request.mutable_page_token());
  absl::StatusOr<ApplicationPage> page =
      co_await ListApplications(world, *std::move(caller), size, std::move(page_token));
  NoteStep(world, *note);
  if (!page.ok()) co_return page.status();
  v1::ListApplicationsResponse response;
  for (const Application& application : page->applications) *response.add_applications() = ToProto(application);
  response.set_next_page_token(page->next_page_token);
  for (const std::string& region : page->regions) response.add_regions(region);
  co_return response;
}

Task<absl::StatusOr<v1::CreateApplicationResponse>> HandleCreateApplication(World& world,
                                                                            v1::CreateApplicationRequest request,
                                                                            std::shared_ptr<Note> note) {
  if (absl::Status shape = Validate(request); !shape.ok()) co_return shape;
  absl::StatusOr<Caller> caller = TakeCaller(world, request, *note);
  if (!caller.ok()) co_return caller.status();
  NewApplication wanted;
  wanted.request_id = Uuid::Parse(request.request_id()).value_or(Uuid());
  wanted.name = std::move(*request.mutable_name());
  wanted.region = std::move(*request.mutable_region());
  absl::StatusOr<Application> created = co_await CreateApplication(world, *std::move(caller), std::move(wanted));
  NoteStep(world, *note);
  if (!created.ok()) co_return created.status();
  v1::CreateApplicationResponse response;
  *response.mutable_application() = ToProto(*created);
  co_return response;
}

using Raw = v1::ApplicationService::WithRawCallbackMethod_ListApplications<
    v1::ApplicationService::WithRawCallbackMethod_CreateApplication<v1::ApplicationService::Service>>;

class ApplicationServiceImpl final : public Raw {
 public:
  ApplicationServiceImpl(Wire& wire, World& world) : wire_(wire), world_(world) {}

  grpc::ServerUnaryReactor* ListApplications(grpc::CallbackServerContext* rpc, const grpc::ByteBuffer* in,
                                             grpc::ByteBuffer* out) override {
    return ServeUnary(wire_, *rpc, RpcMethodIndex("ListApplications"), *in, out, &HandleListApplications, world_);
  }
  grpc::ServerUnaryReactor* CreateApplication(grpc::CallbackServerContext* rpc, const grpc::ByteBuffer* in,
                                              grpc::ByteBuffer* out) override {
    return ServeUnary(wire_, *rpc, RpcMethodIndex("CreateApplication"), *in, out, &HandleCreateApplication, world_);
  }

 private:
  Wire& wire_;
  World& world_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewApplicationService(Wire& wire, World& world) {
  return std::make_unique<ApplicationServiceImpl>(wire, world);
}

}  // namespace authflow
