// Tries a provider out, for "authflowd --check --probe".
#ifndef AUTHFLOW_SERVER_PROVIDER_PROBE_H_
#define AUTHFLOW_SERVER_PROVIDER_PROBE_H_

#include <string>
#include <vector>

#include "server/base/http/http_client.h"
#include "server/base/task.h"
#include "server/provider/oidc_settings.h"

namespace authflow {

struct ProbeLine {
  std::string what;    // "discovery", "endpoints", "keys", "client", "revocation"
  bool ok = false;     // nothing wrong was found
  std::string detail;  // one sentence for the operator; nothing secret
};

struct ProbeReport {
  std::vector<ProbeLine> lines;
  bool ok() const;  // all lines are
};

// Fetches discovery and keys, and redeems a code that cannot exist, to see whether the provider knows our client and
// its secret: an unknown one is refused as invalid_client, a known one hears invalid_grant. `redirect_uri` is one that
// is registered. Changes nothing at the provider. `http` outlives the call. A provider that answers the made-up code
// with another error tells nothing about the client: that line is ok, and says so.
Task<ProbeReport> Probe(OidcSettings settings, HttpClient& http, std::string redirect_uri);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_PROBE_H_
