#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "server/base/text.h"
#include "server/config/config.h"

namespace authflow {
namespace {

constexpr char kText[] =
    R"(# Configuration of authflowd, in protobuf text format (message authflow.config.v1.ServerConfig).
# "authflowd --check --config THIS_FILE" says what is wrong with it, field by field;
# "authflowd --check --probe --config THIS_FILE" asks the provider as well, and prints the redirect URIs to register.
# Commented fields show their defaults, or an example where there is none.

# One block for each CLI that uses this server.
products {
  # Clients send it, metrics have it as a label. [a-z0-9][a-z0-9_-]{0,31}
  id: "tool"
  # What people read in prompts and pages.
  # display_name: "Tool"

  provider {
    # Endpoints and keys come from ISSUER/.well-known/openid-configuration.
    issuer: "@ISSUER@"
    client_id: "@CLIENT_ID@"

    # Without these our client is a public one (PKCE, no secret). The secret never stands in this file.
    # client_authentication: CLIENT_AUTHENTICATION_CLIENT_SECRET_BASIC  # or _POST
    # client_secret { environment: "AUTHFLOW_CLIENT_SECRET" }           # or file: "client_secret.txt"

    # scopes: ["openid", "email", "profile", "offline_access"]

    # Extra parameters of the authorization request or the token request, for each kind of flow or for one.
    # parameters {
    #   kind: FLOW_KIND_SIGNUP
    #   place: PARAMETER_PLACE_AUTHORIZATION
    #   name: "prompt"
    #   value: "create"
    # }

    # Where the identity is found. IDENTITY_SOURCE_USERINFO and IDENTITY_SOURCE_TOKEN_RESPONSE_USER are the others.
    # identity { source: IDENTITY_SOURCE_ID_TOKEN user_id: "sub" email: "email" name: "name" }

    # Of one HTTP request to the provider.
    # timeout { seconds: 10 }
    # PEM file, if the provider's certificate comes from an authority of your own.
    # ca_file: "ca.pem"
    # The aud of access tokens that prove who owns an application outside a login.
    # access_token_audience: "https://api.example.com"
  }

  # Where the browser comes back to: a port of the CLI's own machine. Without ports: any (RFC 8252 7.3).
  redirect {
    path: "/callback"
    # host: "127.0.0.1"
    # ports: [8123, 8124]
  }

  # The application directory: "local" keeps applications in our own database, "none {}" ends the login after the exchange.
  applications {
    local { regions: ["eu", "us"] }
  }

  # Where funnel events go: a file of JSON lines in the data folder, "segment", or "none {}".
  sink {
    file { path: "events.jsonl" }
    # segment {
    #   endpoint: "https://api.segment.io"
    #   write_key { environment: "AUTHFLOW_SEGMENT_WRITE_KEY" }
    # }
  }
}

# flow_limits {
#   expiry { seconds: 1800 }       # a login ends by itself after
#   browser_wait { seconds: 600 }  # one attempt waits in the browser at most
#   exchange { seconds: 30 }       # the provider's answer to the code
#   grace { seconds: 60 }          # a client that went away may come back
# }

# retention {
#   finished_flows { seconds: 2592000 }  # 30 days; at least 7
# }
)";

}  // namespace

std::string InitText(std::string_view issuer, std::string_view client_id) {
  return absl::StrReplaceAll(
      kText, {{"@ISSUER@", absl::CEscape(ToAbsl(issuer))}, {"@CLIENT_ID@", absl::CEscape(ToAbsl(client_id))}});
}

}  // namespace authflow
