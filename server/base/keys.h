// What the server derives instead of storing: flow ids, flow tokens, states, nonces, PKCE verifiers, fingerprints,
// seals.
//
// Every value is HKDF-SHA256-Expand (RFC 5869 2.3) or HMAC-SHA256 under the server's key, with a purpose of its own.
#ifndef AUTHFLOW_SERVER_BASE_KEYS_H_
#define AUTHFLOW_SERVER_BASE_KEYS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/secret.h"
#include "server/base/uuid.h"

namespace authflow {

// The secrets of one attempt of one flow. Nobody stores them: they are derived again when needed.
struct AttemptSecrets {
  Secret state;          // 43 characters, base64url
  Secret nonce;          // the same
  Secret code_verifier;  // the same; RFC 7636 4.1
};

// What a genuine flow token says: whoever has one of these presented the token. Only Keys makes them.
class FlowToken {
 public:
  const FlowId& flow_id() const { return flow_id_; }

 private:
  friend class Keys;
  explicit FlowToken(const FlowId& flow_id) : flow_id_(flow_id) {}
  FlowId flow_id_;
};

// Thread-safe after construction.
class Keys {
 public:
  // The first key makes new values, all are accepted in tokens and seals. Each has 32 bytes; at least one.
  explicit Keys(std::vector<Secret> keys);
  ~Keys();
  Keys(Keys&&) noexcept;

  // Reads a key file: one key a line, 64 hex digits; the first is the current one. Makes the file (mode 0600, synced,
  // with a random key) when it does not exist. FAILED_PRECONDITION says what is wrong with it: a mode that lets others
  // read it, no key, a line that is none.
  static absl::StatusOr<Keys> LoadOrCreate(const std::string& path);

  // UUIDv8 of the request's time and HMAC(key, product, request_id): a repeated StartFlow meets its own flow. The first
  // 48 bits are those of a version 7 request_id, so that ids are ordered by time; for version 4 they are derived as
  // well.
  FlowId DeriveFlowId(std::string_view product, const Uuid& request_id) const;
  // All flow ids that a request_id may have got: one for each key, the current first.
  std::vector<FlowId> PossibleFlowIds(std::string_view product, const Uuid& request_id) const;

  // "af1_" and base64url of key name, flow id and a 32-byte tag.
  Secret MakeFlowToken(const FlowId& flow_id) const;
  // FLOW_TOKEN_INVALID for all that MakeFlowToken did not make under one of our keys. Constant time in the tag.
  absl::StatusOr<FlowToken> OpenFlowToken(std::string_view token) const;

  // `key_name` is the name of the key that made the flow's first entry: attempts survive a rotation.
  AttemptSecrets DeriveAttempt(uint32_t key_name, const FlowId& flow_id, int attempt) const;
  uint32_t current_key_name() const;

  // 16 bytes of HMAC(key, purpose, value): to recognise a secret without keeping it. Under the current key only.
  std::string Fingerprint(std::string_view purpose, std::string_view value) const;

  // AES-256-GCM under a derived key; `context` is authenticated. Opens what any of our keys sealed; INVALID_ARGUMENT
  // else.
  std::string Seal(std::string_view plain, std::string_view context) const;
  absl::StatusOr<std::string> Open(std::string_view sealed, std::string_view context) const;

 private:
  struct Key;
  std::vector<std::unique_ptr<Key>> keys_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_KEYS_H_
