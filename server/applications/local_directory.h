// Applications in our own database.
#ifndef AUTHFLOW_SERVER_APPLICATIONS_LOCAL_DIRECTORY_H_
#define AUTHFLOW_SERVER_APPLICATIONS_LOCAL_DIRECTORY_H_

#include <memory>
#include <string>
#include <vector>

#include "server/applications/application_store.h"
#include "server/applications/directory.h"
#include "server/base/clock.h"
#include "server/base/keys.h"

namespace authflow {

// `regions`: at least one, the default first. The other arguments outlive the directory. Page sizes: 0 or less means
// 50, above 1000 means 1000. A page token is good for its product and owner while the server's current key is.
std::unique_ptr<ApplicationDirectory> NewLocalDirectory(std::string product, std::vector<std::string> regions,
                                                        ApplicationStore& store, const Clock& clock, const Keys& keys);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_APPLICATIONS_LOCAL_DIRECTORY_H_
