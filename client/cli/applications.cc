#include "client/cli/applications.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/rpc.h"

namespace authflow {
namespace {

constexpr int kPageSize = 1000;
constexpr int kMaxPages = 100;
// The server may have to ask the provider whose token it is.
constexpr CallOptions kListCall = {.deadline = absl::Seconds(60), .retry_for = absl::Seconds(20)};

}  // namespace

std::string Described(const v1::Application& application) {
  return application.region().empty() ? application.name()
                                      : absl::StrCat(application.name(), " (", application.region(), ")");
}

nlohmann::ordered_json DocumentOf(const v1::Application& application) {
  return {{"id", application.id()}, {"name", application.name()}, {"region", application.region()}};
}

Task<absl::StatusOr<ApplicationList>> ListAllApplications(std::shared_ptr<Client> client, std::string product,
                                                          Secret access_token, Secret flow_token) {
  ApplicationList list;
  std::string page_token;
  for (int page = 0; page < kMaxPages; ++page) {
    v1::ListApplicationsRequest request;
    request.set_product(product);
    request.set_access_token(access_token.Reveal());
    request.set_flow_token(flow_token.Reveal());
    request.set_page_size(kPageSize);
    request.set_page_token(page_token);
    const auto response = co_await Send(client, &Client::ListApplications, std::move(request), kListCall);
    if (!response.ok()) co_return response.status();
    list.applications.insert(list.applications.end(), response->applications().begin(), response->applications().end());
    list.regions.assign(response->regions().begin(), response->regions().end());
    page_token = response->next_page_token();
    if (page_token.empty()) break;
  }
  co_return list;
}

}  // namespace authflow
