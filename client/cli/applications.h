// The applications of a user.
#ifndef AUTHFLOW_CLIENT_CLI_APPLICATIONS_H_
#define AUTHFLOW_CLIENT_CLI_APPLICATIONS_H_

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "authflow/v1/application_service.pb.h"
#include "client/authflow_client.h"
#include "server/base/secret.h"
#include "server/base/task.h"

namespace authflow {

struct ApplicationList {
  std::vector<v1::Application> applications;
  std::vector<std::string> regions;
};

// As people are told of one: its name, and its region if it has one.
std::string Described(const v1::Application& application);
// As scripts are told of one: id, name and region.
nlohmann::ordered_json DocumentOf(const v1::Application& application);

// `flow_token` empty: outside a flow.
Task<absl::StatusOr<ApplicationList>> ListAllApplications(std::shared_ptr<Client> client, std::string product,
                                                          Secret access_token, Secret flow_token);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_APPLICATIONS_H_
