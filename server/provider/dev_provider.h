// The provider of "authflowd --dev": signs anybody in at once, for the tests of everybody who writes a CLI. Never for
// people.
//
// The authorization URL points at authflowd's own HTTP listener, which calls DevAuthorize and redirects (302): no page,
// no click. login_hint says who signs in, and how it goes:
//
//   ""                  dev@example.com
//   NAME@HOST, or NAME  that person (NAME@example.com)
//   deny, deny@HOST     the redirect says access_denied: the person clicked "no"
//   error, error@HOST   the redirect says server_error
//   fail, fail@HOST     the code is refused (CODE_REFUSED), as if it had expired
//   short, short@HOST   signs in; access tokens last 5 s instead of an hour, so that a refresh is due at once
//
// The device grant (RFC 8628) has no hint: a code counts as approved by dev@example.com before anybody has typed it in,
// and is asked about after a second.
//
// Codes and tokens are sealed under the server's key: they survive a restart that keeps the key. A code lasts a minute,
// one of the device grant five. That a code or refresh token was used, or a token revoked, is remembered in memory, for
// the last 10,000 of them. The PKCE verifier and the redirect URI are checked for real; refresh tokens rotate; there is
// no id_token.
#ifndef AUTHFLOW_SERVER_PROVIDER_DEV_PROVIDER_H_
#define AUTHFLOW_SERVER_PROVIDER_DEV_PROVIDER_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/keys.h"
#include "server/provider/provider.h"

namespace authflow {

// Thread-safe. One object may serve all products.
class DevProvider : public Provider {
 public:
  // Where the browser goes next, for the query of a request to the authorization URL. INVALID_ARGUMENT: no request of
  // ours (a redirect URI that is not on loopback, no state, no S256 challenge); answer 400 with the message.
  virtual absl::StatusOr<std::string> DevAuthorize(std::string_view query) = 0;
};

// `authorize_url` is "http://127.0.0.1:PORT/dev/authorize"; its folder is the issuer. `keys` and `clock` outlive it.
std::shared_ptr<DevProvider> NewDevProvider(std::string authorize_url, const Keys& keys, const Clock& clock);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_DEV_PROVIDER_H_
