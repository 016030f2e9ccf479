// One product of the configuration, read part by part.
#ifndef AUTHFLOW_SERVER_CONFIG_READ_PRODUCT_H_
#define AUTHFLOW_SERVER_CONFIG_READ_PRODUCT_H_

#include "authflow/config/v1/config.pb.h"
#include "server/config/config.h"
#include "server/config/fields.h"

namespace authflow {

// Each adds to at.problems; what it returns then is for nobody.
OidcSettings ReadProvider(const At& at, const config::v1::Provider& provider);
RedirectConfig ReadRedirect(const At& at, const config::v1::Redirect& redirect);
ProductConfig ReadProduct(const At& at, const config::v1::Product& product);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_CONFIG_READ_PRODUCT_H_
