#include "server/provider/jwt.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_split.h"
#include "server/base/text.h"
#include "server/provider/form.h"
#include "server/provider/json.h"

namespace authflow {
namespace {

using nlohmann::json;

constexpr char kRs256[] = "RS256";
constexpr char kEs256[] = "ES256";

struct Free {
  void operator()(BIGNUM* x) const { BN_free(x); }
  void operator()(OSSL_PARAM_BLD* x) const { OSSL_PARAM_BLD_free(x); }
  void operator()(OSSL_PARAM* x) const { OSSL_PARAM_free(x); }
  void operator()(EVP_PKEY_CTX* x) const { EVP_PKEY_CTX_free(x); }
  void operator()(EVP_MD_CTX* x) const { EVP_MD_CTX_free(x); }
  void operator()(ECDSA_SIG* x) const { ECDSA_SIG_free(x); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Owned<BIGNUM> Number(std::string_view bytes) {
  return Owned<BIGNUM>(BN_bin2bn(Bytes(bytes), static_cast<int>(bytes.size()), nullptr));
}

std::shared_ptr<const EVP_PKEY> KeyFrom(const char* type, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM> params(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  return std::shared_ptr<const EVP_PKEY>(key, [](const EVP_PKEY* x) { EVP_PKEY_free(const_cast<EVP_PKEY*>(x)); });
}

std::shared_ptr<const EVP_PKEY> RsaKey(const json& jwk) {
  const auto n = DecodeBase64Url(StringAt(jwk, "n"));
  const auto e = DecodeBase64Url(StringAt(jwk, "e"));
  // Larger numbers would cost seconds to compute with.
  if (!n || !e || n->size() > 2048 || e->empty() || e->size() > 8) return nullptr;
  const Owned<BIGNUM> modulus = Number(*n);
  const Owned<BIGNUM> exponent = Number(*e);
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (modulus == nullptr || exponent == nullptr || builder == nullptr || BN_num_bits(modulus.get()) < 2048 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) {
    return nullptr;
  }
  return KeyFrom("RSA", builder.get());
}

std::shared_ptr<const EVP_PKEY> EcKey(const json& jwk) {
  const auto x = DecodeBase64Url(StringAt(jwk, "x"));
  const auto y = DecodeBase64Url(StringAt(jwk, "y"));
  if (StringAt(jwk, "crv") != "P-256" || !x || !y || x->size() != 32 || y->size() != 32) return nullptr;
  const std::string point = Cat("\x04", *x, *y);
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
    return nullptr;
  }
  return KeyFrom("EC", builder.get());
}

std::optional<Jwk> ParseJwk(const json& member) {
  if (!member.is_object()) return std::nullopt;
  if (const std::string use = StringAt(member, "use"); !use.empty() && use != "sig") return std::nullopt;
  Jwk jwk;
  if (member.contains("kid")) jwk.id = StringAt(member, "kid");
  const std::string type = StringAt(member, "kty");
  if (type == "RSA") {
    jwk.algorithm = kRs256;
    jwk.key = RsaKey(member);
  } else if (type == "EC") {
    jwk.algorithm = kEs256;
    jwk.key = EcKey(member);
  }
  const std::string algorithm = StringAt(member, "alg");
  if (jwk.key == nullptr || (!algorithm.empty() && algorithm != jwk.algorithm)) return std::nullopt;
  return jwk;
}

// ES256 signatures are two numbers of 32 bytes (RFC 7518 3.4); OpenSSL wants DER. "" if it is none.
std::string DerSignature(std::string_view signature) {
  if (signature.size() != 64) return "";
  const Owned<ECDSA_SIG> numbers(ECDSA_SIG_new());
  Owned<BIGNUM> r = Number(signature.substr(0, 32));
  Owned<BIGNUM> s = Number(signature.substr(32));
  if (numbers == nullptr || r == nullptr || s == nullptr || ECDSA_SIG_set0(numbers.get(), r.get(), s.get()) != 1) {
    return "";
  }
  r.release();
  s.release();
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(numbers.get(), &der);
  if (size <= 0) return "";
  std::string text(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return text;
}

bool Verifies(const Jwt& jwt, const Jwk& jwk) {
  const std::string signature = jwk.algorithm == kEs256 ? DerSignature(jwt.signature) : jwt.signature;
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  // OpenSSL takes the key as not const, and only counts its references.
  auto* key = const_cast<EVP_PKEY*>(jwk.key.get());
  const bool good = context != nullptr && !signature.empty() &&
                    EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
                    EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(jwt.signed_part),
                                     jwt.signed_part.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace

std::optional<Jwt> ParseJwt(std::string_view token) {
  const size_t first = token.find('.');
  const size_t last = token.rfind('.');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  const auto header_text = DecodeBase64Url(token.substr(0, first));
  const auto claims_text = DecodeBase64Url(token.substr(first + 1, last - first - 1));
  auto signature = DecodeBase64Url(token.substr(last + 1));
  if (!header_text || !claims_text || !signature) return std::nullopt;
  const auto header = ParseJsonObject(*header_text);
  auto claims = ParseJsonObject(*claims_text);
  if (!header || !claims || header->contains("crit")) return std::nullopt;

  Jwt jwt;
  jwt.algorithm = StringAt(*header, "alg");
  if (jwt.algorithm.empty()) return std::nullopt;
  if (header->contains("kid")) jwt.key = StringAt(*header, "kid");
  jwt.claims = *std::move(claims);
  jwt.signed_part = std::string(token.substr(0, last));
  jwt.signature = *std::move(signature);
  return jwt;
}

std::optional<Jwks> ParseJwks(std::string_view text) {
  const auto document = ParseJsonObject(text);
  if (!document) return std::nullopt;
  const auto members = document->find("keys");
  if (members == document->end() || !members->is_array()) return std::nullopt;
  Jwks keys;
  for (const json& member : *members) {
    if (auto key = ParseJwk(member)) keys.push_back(*std::move(key));
  }
  return keys;
}

Verdict VerifySignature(const Jwt& jwt, const Jwks& keys) {
  if (jwt.algorithm != kRs256 && jwt.algorithm != kEs256) return Verdict::kBad;
  std::vector<const Jwk*> fitting;
  for (const Jwk& key : keys) {
    if (key.algorithm == jwt.algorithm && (!jwt.key || key.id == jwt.key)) fitting.push_back(&key);
  }
  if (fitting.empty()) return Verdict::kUnknownKey;
  if (!jwt.key && fitting.size() > 1) return Verdict::kBad;
  const bool good = std::any_of(fitting.begin(), fitting.end(), [&](const Jwk* key) { return Verifies(jwt, *key); });
  return good ? Verdict::kGood : Verdict::kBad;
}

}  // namespace authflow
