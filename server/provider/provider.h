// THE WORLD: an identity provider, as a login needs it. One object per product.
#ifndef AUTHFLOW_SERVER_PROVIDER_PROVIDER_H_
#define AUTHFLOW_SERVER_PROVIDER_PROVIDER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authflow/v1/flow.pb.h"
#include "server/base/secret.h"
#include "server/base/task.h"

namespace authflow {

struct AuthorizationRequest {
  v1::FlowKind kind = v1::FLOW_KIND_UNSPECIFIED;
  std::string redirect_uri;
  Secret state;
  Secret nonce;
  Secret code_verifier;  // its S256 challenge goes into the URL
  std::string login_hint;
};

struct CodeGrant {
  v1::FlowKind kind = v1::FLOW_KIND_UNSPECIFIED;
  Secret code;
  Secret code_verifier;
  Secret nonce;  // that the id_token must carry
  std::string redirect_uri;
  absl::Time deadline;
};

struct Tokens {
  Secret access_token;
  Secret refresh_token;
  Secret id_token;
  std::optional<absl::Time> expire;  // of the access token
  std::vector<std::string> scopes;   // granted; those asked for when the provider does not say
};

struct Identity {
  std::string user_id;  // never empty
  std::string email;
  std::string name;
};

struct SignedIn {
  Tokens tokens;
  Identity identity;
};

// What the person is shown, and what we ask with (RFC 8628 3.2).
struct DeviceAuthorization {
  std::string user_code;                  // no control characters, at most 256 bytes
  std::string verification_uri;           // https, or of a loopback host
  std::string verification_uri_complete;  // the same; empty: none
  Secret device_code;
  absl::Time expire;
  absl::Duration interval;  // at least so long between two questions
};

struct DeviceGrant {
  v1::FlowKind kind = v1::FLOW_KIND_UNSPECIFIED;
  Secret device_code;
  absl::Time deadline;
};

// What one question about a device code came to.
struct DeviceAnswer {
  enum class State {
    kPending,   // not decided yet
    kSlowDown,  // the same, and we asked too often
    kAway,      // the provider could not be had, or has too much to do
    kSignedIn,
  };
  State state = State::kPending;
  SignedIn signed_in;
};

// Thread-safe. Errors are refusals of the classes PROVIDER_*, CODE_REFUSED, DEVICE_GRANT_NOT_OFFERED, ID_TOKEN_INVALID,
// IDENTITY_MISSING, REFRESH_TOKEN_REFUSED, ACCESS_TOKEN_*; a message may quote the provider's error and
// error_description, escaped and cut at 200 bytes, and never a token, code, state or e-mail.
class Provider {
 public:
  virtual ~Provider() = default;

  // Discovery must have worked once, now or before. The URL carries secrets: it is for the client alone.
  virtual Task<absl::StatusOr<Secret>> AuthorizationUrl(AuthorizationRequest request) = 0;

  // RFC 9207: OK, or ISSUER_MISMATCH when `iss` is wrong, or is absent and the provider promised it.
  virtual Task<absl::Status> CheckIssuer(std::optional<std::string> iss) = 0;

  // Posts the code once, never again; checks the id_token (OpenID Connect Core 3.1.3.7); finds the identity. When that
  // fails, the tokens that came are revoked, best effort, before it returns.
  virtual Task<absl::StatusOr<SignedIn>> RedeemCode(CodeGrant grant) = 0;

  // Whether it has the device grant (RFC 8628), as far as is known now; never an error.
  virtual Task<bool> OffersDeviceGrant() = 0;

  // DEVICE_GRANT_NOT_OFFERED.
  virtual Task<absl::StatusOr<DeviceAuthorization>> StartDevice(v1::FlowKind kind) = 0;

  // Asks once. Once the provider has given tokens it is as with RedeemCode, but that there is no nonce: the request
  // that begins the grant has no place for one. DENIED; CODE_REFUSED: the code has expired, or was redeemed before.
  virtual Task<absl::StatusOr<DeviceAnswer>> PollDevice(DeviceGrant grant) = 0;

  // One call to the provider. (Sharing one answer among callers is the use case's.)
  virtual Task<absl::StatusOr<Tokens>> Refresh(Secret refresh_token) = 0;

  // RFC 7009. OK: the provider confirmed. PROVIDER_*: it was not to be had. An error without a class: it has no
  // revocation endpoint, or takes no token of this kind back.
  virtual Task<absl::Status> Revoke(Tokens tokens) = 0;

  // Whose access token this is, proved: a JWT that verifies for the product's audience, or introspection (RFC 7662).
  virtual Task<absl::StatusOr<std::string>> OwnerOf(Secret access_token) = 0;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_PROVIDER_H_
