// For a product without applications: login ends after the exchange.
#ifndef AUTHFLOW_SERVER_APPLICATIONS_NO_DIRECTORY_H_
#define AUTHFLOW_SERVER_APPLICATIONS_NO_DIRECTORY_H_

#include <memory>

#include "server/applications/directory.h"

namespace authflow {

// Answers everything with APPLICATIONS_NOT_CONFIGURED.
std::unique_ptr<ApplicationDirectory> NewNoDirectory();

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_APPLICATIONS_NO_DIRECTORY_H_
