// Requests that we make as the provider's client. Pure.
#ifndef AUTHFLOW_SERVER_PROVIDER_CLIENT_REQUEST_H_
#define AUTHFLOW_SERVER_PROVIDER_CLIENT_REQUEST_H_

#include <string>

#include "absl/time/time.h"
#include "server/base/http/http_client.h"
#include "server/provider/form.h"
#include "server/provider/oidc_settings.h"

namespace authflow {

// A GET for a JSON document.
HttpRequest DocumentRequest(const OidcSettings& settings, std::string url, absl::Duration timeout);

// A POST of a form, with our client authenticated as the settings say (RFC 6749 2.3).
HttpRequest ClientRequest(const OidcSettings& settings, std::string url, FormFields fields, absl::Duration timeout);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_CLIENT_REQUEST_H_
