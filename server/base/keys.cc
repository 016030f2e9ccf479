#include "server/base/keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <initializer_list>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/fixed_array.h"
#include "absl/strings/escaping.h"
#include "absl/synchronization/mutex.h"
#include "server/base/error_class.h"
#include "server/base/random.h"
#include "server/base/text.h"

namespace authflow {
namespace {

using Mac = std::array<uint8_t, 32>;

constexpr std::string_view kTokenPrefix = "af1_";
constexpr size_t kKeyNameSize = 4;
constexpr size_t kSaltSize = 12;
constexpr size_t kGcmNonceSize = 12;
constexpr size_t kGcmTagSize = 16;

// OpenSSL fails here only when memory or the library itself is broken: no value may be made up then.
void Require(bool ok) {
  if (!ok) std::abort();
}

const uint8_t* Bytes(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }

std::string_view View(const Mac& mac) { return {reinterpret_cast<const char*>(mac.data()), mac.size()}; }

struct BigEndian {
  explicit BigEndian(uint32_t number)
      : bytes{static_cast<char>(number >> 24), static_cast<char>(number >> 16), static_cast<char>(number >> 8),
              static_cast<char>(number)} {}
  std::string_view view() const { return {bytes.data(), bytes.size()}; }
  std::array<char, 4> bytes;
};

uint32_t FromBigEndian(std::string_view bytes) {
  uint32_t number = 0;
  for (const char c : bytes.substr(0, kKeyNameSize)) number = number << 8 | static_cast<uint8_t>(c);
  return number;
}

// Unpadded.
Secret Base64Url(std::string_view bytes) {
  std::string text;
  absl::WebSafeBase64Escape(ToAbsl(bytes), &text);
  return Secret(std::move(text));
}

struct CipherFree {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, CipherFree>;

}  // namespace

struct Keys::Key {
  explicit Key(const Secret& secret) {
    Require(secret.Reveal().size() == 32);
    EVP_MAC* hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    Require(hmac != nullptr);
    keyed = EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac);
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    Require(keyed != nullptr && EVP_MAC_init(keyed, Bytes(secret.Reveal()), secret.Reveal().size(), params) == 1);
    name = FromBigEndian(View(Expand("authflow key name", {})));
  }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key() {
    for (EVP_MAC_CTX* context : idle) EVP_MAC_CTX_free(context);
    EVP_MAC_CTX_free(keyed);
  }

  // HKDF-Expand (RFC 5869 2.3) for 32 bytes, that is one HMAC. The info is the purpose and each field with its length,
  // so that no two lists of fields are the same bytes.
  Mac Expand(std::string_view purpose, std::initializer_list<std::string_view> fields) const {
    size_t size = purpose.size() + 2;
    for (const std::string_view field : fields) size += 4 + field.size();
    absl::FixedArray<char, 128> input(size);
    char* end = std::copy(purpose.begin(), purpose.end(), input.data());
    *end++ = '\0';
    for (const std::string_view field : fields) {
      const BigEndian length(static_cast<uint32_t>(field.size()));
      end = std::copy(length.bytes.begin(), length.bytes.end(), end);
      end = std::copy(field.begin(), field.end(), end);
    }
    *end = '\x01';
    EVP_MAC_CTX* const context = Take();
    Mac mac;
    Require(EVP_MAC_init(context, nullptr, 0, nullptr) == 1 &&
            EVP_MAC_update(context, Bytes({input.data(), size}), size) == 1 &&
            EVP_MAC_final(context, mac.data(), &size, mac.size()) == 1 && size == mac.size());
    Give(context);
    return mac;
  }

  FlowId DeriveFlowId(std::string_view product, const Uuid& request_id) const {
    FlowId id = *Uuid::FromBytes(View(Expand("authflow flow id", {product, request_id.AsBytes()})).substr(0, 16));
    if (request_id.version() == 7) std::copy_n(request_id.bytes.begin(), 6, id.bytes.begin());
    return id.Stamped(8);
  }

  Mac TokenTag(const FlowId& flow_id) const { return Expand("authflow flow token", {flow_id.AsBytes()}); }

  // A key for each message: random nonces alone would wear one key out after 2^32 messages (NIST SP 800-38D 8.3).
  Mac SealKey(std::string_view salt) const { return Expand("authflow seal", {salt}); }

  // A context that knows the key already: to make one, or to copy one, costs several times what it computes. As many
  // are kept as were needed at the same time.
  EVP_MAC_CTX* Take() const {
    {
      absl::MutexLock lock(&mutex);
      if (!idle.empty()) {
        EVP_MAC_CTX* const context = idle.back();
        idle.pop_back();
        return context;
      }
    }
    EVP_MAC_CTX* const context = EVP_MAC_CTX_dup(keyed);  // which is only read: no lock
    Require(context != nullptr);
    return context;
  }
  void Give(EVP_MAC_CTX* context) const {
    absl::MutexLock lock(&mutex);
    idle.push_back(context);
  }

  EVP_MAC_CTX* keyed = nullptr;
  uint32_t name = 0;
  mutable absl::Mutex mutex;
  mutable std::vector<EVP_MAC_CTX*> idle ABSL_GUARDED_BY(mutex);
};

Keys::Keys(std::vector<Secret> keys) {
  Require(!keys.empty());
  for (const Secret& key : keys) keys_.push_back(std::make_unique<Key>(key));
}

Keys::~Keys() = default;
Keys::Keys(Keys&&) noexcept = default;

FlowId Keys::DeriveFlowId(std::string_view product, const Uuid& request_id) const {
  return keys_.front()->DeriveFlowId(product, request_id);
}

std::vector<FlowId> Keys::PossibleFlowIds(std::string_view product, const Uuid& request_id) const {
  std::vector<FlowId> ids;
  for (const auto& key : keys_) ids.push_back(key->DeriveFlowId(product, request_id));
  return ids;
}

Secret Keys::MakeFlowToken(const FlowId& flow_id) const {
  const Key& key = *keys_.front();
  const Secret body = Base64Url(Cat(BigEndian(key.name).view(), flow_id.AsBytes(), View(key.TokenTag(flow_id))));
  return Secret(Cat(kTokenPrefix, body.Reveal()));
}

absl::StatusOr<FlowToken> Keys::OpenFlowToken(std::string_view token) const {
  const auto invalid = [] {
    return Refusal(v1::ERROR_CLASS_FLOW_TOKEN_INVALID, "This flow token was not made by this server. Start anew.");
  };
  if (!token.starts_with(kTokenPrefix)) return invalid();
  const std::string_view text = token.substr(kTokenPrefix.size());
  std::string bytes;
  if (text.size() != 70 || !absl::WebSafeBase64Unescape(ToAbsl(text), &bytes)) return invalid();
  if (bytes.size() != kKeyNameSize + 16 + 32) return invalid();
  // One token, one spelling: of what stands for the last byte, decoding ignores bits.
  if (Base64Url(std::string_view(bytes).substr(51)).Reveal() != text.substr(68)) return invalid();
  const std::string_view view = bytes;
  const FlowId flow_id = *Uuid::FromBytes(view.substr(kKeyNameSize, 16));
  for (const auto& key : keys_) {
    if (key->name != FromBigEndian(view)) continue;
    const Mac tag = key->TokenTag(flow_id);
    if (CRYPTO_memcmp(tag.data(), view.data() + kKeyNameSize + 16, tag.size()) == 0) return FlowToken(flow_id);
  }
  return invalid();
}

AttemptSecrets Keys::DeriveAttempt(uint32_t key_name, const FlowId& flow_id, int attempt) const {
  const Key* key = keys_.front().get();
  for (const auto& candidate : keys_) {
    if (candidate->name == key_name) {
      key = candidate.get();
      break;
    }
  }
  const BigEndian number(static_cast<uint32_t>(attempt));
  const auto derive = [&](std::string_view purpose) {
    return Base64Url(View(key->Expand(purpose, {flow_id.AsBytes(), number.view()})));
  };
  AttemptSecrets secrets;
  secrets.state = derive("authflow state");
  secrets.nonce = derive("authflow nonce");
  secrets.code_verifier = derive("authflow code verifier");
  return secrets;
}

uint32_t Keys::current_key_name() const { return keys_.front()->name; }

std::string Keys::Fingerprint(std::string_view purpose, std::string_view value) const {
  return std::string(View(keys_.front()->Expand("authflow fingerprint", {purpose, value})).substr(0, 16));
}

// Key name, salt, nonce, ciphertext, tag.
std::string Keys::Seal(std::string_view plain, std::string_view context) const {
  const Key& key = *keys_.front();
  const std::string random = RandomBytes(kSaltSize + kGcmNonceSize);
  const std::string_view salt = std::string_view(random).substr(0, kSaltSize);
  const std::string_view nonce = std::string_view(random).substr(kSaltSize);
  const Mac seal_key = key.SealKey(salt);
  std::string sealed(plain.size(), '\0');
  std::string tag(kGcmTagSize, '\0');
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int size = 0;
  auto* out = reinterpret_cast<uint8_t*>(sealed.data());
  Require(cipher != nullptr &&
          EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, seal_key.data(), Bytes(nonce)) == 1 &&
          EVP_EncryptUpdate(cipher.get(), nullptr, &size, Bytes(context), static_cast<int>(context.size())) == 1 &&
          EVP_EncryptUpdate(cipher.get(), out, &size, Bytes(plain), static_cast<int>(plain.size())) == 1 &&
          EVP_EncryptFinal_ex(cipher.get(), out + size, &size) == 1 &&
          EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kGcmTagSize, tag.data()) == 1);
  return Cat(BigEndian(key.name).view(), random, sealed, tag);
}

absl::StatusOr<std::string> Keys::Open(std::string_view sealed, std::string_view context) const {
  const absl::Status invalid = absl::InvalidArgumentError("not sealed under one of this server's keys");
  if (sealed.size() < kKeyNameSize + kSaltSize + kGcmNonceSize + kGcmTagSize) return invalid;
  const std::string_view name = sealed.substr(0, kKeyNameSize);
  const std::string_view salt = sealed.substr(kKeyNameSize, kSaltSize);
  const std::string_view nonce = sealed.substr(kKeyNameSize + kSaltSize, kGcmNonceSize);
  std::string_view text = sealed.substr(kKeyNameSize + kSaltSize + kGcmNonceSize);
  std::string tag(text.substr(text.size() - kGcmTagSize));
  text.remove_suffix(kGcmTagSize);
  for (const auto& key : keys_) {
    if (key->name != FromBigEndian(name)) continue;
    const Mac seal_key = key->SealKey(salt);
    std::string plain(text.size(), '\0');
    const Cipher cipher(EVP_CIPHER_CTX_new());
    int size = 0;
    auto* out = reinterpret_cast<uint8_t*>(plain.data());
    if (cipher != nullptr &&
        EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, seal_key.data(), Bytes(nonce)) == 1 &&
        EVP_DecryptUpdate(cipher.get(), nullptr, &size, Bytes(context), static_cast<int>(context.size())) == 1 &&
        EVP_DecryptUpdate(cipher.get(), out, &size, Bytes(text), static_cast<int>(text.size())) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kGcmTagSize, tag.data()) == 1 &&
        EVP_DecryptFinal_ex(cipher.get(), out + size, &size) == 1) {
      return plain;
    }
  }
  return invalid;
}

}  // namespace authflow
