// A Provider over HTTP: OpenID Connect, or OAuth 2.0 with an identity from elsewhere.
#ifndef AUTHFLOW_SERVER_PROVIDER_OIDC_PROVIDER_H_
#define AUTHFLOW_SERVER_PROVIDER_OIDC_PROVIDER_H_

#include <memory>

#include "server/base/clock.h"
#include "server/base/http/http_client.h"
#include "server/provider/oidc_settings.h"
#include "server/provider/provider.h"

namespace authflow {

// `http` and `clock` outlive it. It asks for nothing until it is used. Discovery and keys are kept for an hour, then
// fetched again in the background; when that fails the old ones serve for a day. Concurrent callers share one fetch. An
// unknown kid fetches the keys again, at most once in 10 s. Background fetches end with `http`; they run on the
// executor of the call that began them.
std::shared_ptr<Provider> NewOidcProvider(OidcSettings settings, HttpClient& http, const Clock& clock);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_OIDC_PROVIDER_H_
