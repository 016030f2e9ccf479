#include "server/provider/provider_world.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "server/base/text.h"

namespace authflow {
namespace {

using nlohmann::json;

std::string NumberOf(EVP_PKEY* key, const char* name, size_t size) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  std::string bytes(size == 0 ? static_cast<size_t>(BN_num_bytes(number)) : size, '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  BN_free(number);
  return EncodeBase64Url(bytes);
}

// r and s, 32 bytes each.
std::string FixedSignature(const std::string& der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* numbers = d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size()));
  std::string fixed(64, '\0');
  auto* out = reinterpret_cast<unsigned char*>(fixed.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(numbers), out, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(numbers), out + 32, 32);
  ECDSA_SIG_free(numbers);
  return fixed;
}

std::map<std::string, std::string> FormOf(std::string_view text) {
  const auto fields = DecodeForm(text);
  return fields ? std::map<std::string, std::string>(fields->begin(), fields->end())
                : std::map<std::string, std::string>();
}

HttpResponse OAuthError(const char* error, int status = 400) {
  return ProviderWorld::Answer(status, json{{"error", error}}.dump());
}

}  // namespace

SigningKey::SigningKey(std::string algorithm, std::string id, unsigned rsa_bits)
    : algorithm_(std::move(algorithm)),
      id_(std::move(id)),
      key_(algorithm_ == "RS256" ? EVP_RSA_gen(rsa_bits) : EVP_EC_gen("P-256"), EVP_PKEY_free) {}

json SigningKey::PublicJwk() const {
  json jwk = {{"kid", id_}, {"use", "sig"}, {"alg", algorithm_}};
  if (algorithm_ == "RS256") {
    jwk["kty"] = "RSA";
    jwk["n"] = NumberOf(key_.get(), OSSL_PKEY_PARAM_RSA_N, 0);
    jwk["e"] = NumberOf(key_.get(), OSSL_PKEY_PARAM_RSA_E, 0);
  } else {
    jwk["kty"] = "EC";
    jwk["crv"] = "P-256";
    jwk["x"] = NumberOf(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, 32);
    jwk["y"] = NumberOf(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, 32);
  }
  return jwk;
}

std::string SigningKey::PublicPem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(bio, key_.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

std::string SigningKey::Sign(const json& claims) const { return Sign({{"alg", algorithm_}, {"kid", id_}}, claims); }

std::string SigningKey::Sign(const json& header, const json& claims) const {
  const std::string input = Cat(EncodeBase64Url(header.dump()), ".", EncodeBase64Url(claims.dump()));
  const auto* bytes = reinterpret_cast<const unsigned char*>(input.data());
  std::string signature;
  const std::string algorithm = header.value("alg", "");
  if (algorithm == "none") return input + ".";
  if (algorithm == "HS256") {
    // The forgery of old: the public key taken for a shared secret.
    const std::string pem = PublicPem();
    unsigned char mac[32];
    unsigned int size = sizeof(mac);
    HMAC(EVP_sha256(), pem.data(), static_cast<int>(pem.size()), bytes, input.size(), mac, &size);
    signature.assign(reinterpret_cast<char*>(mac), size);
  } else {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    size_t size = 0;
    EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key_.get());
    EVP_DigestSign(context, nullptr, &size, bytes, input.size());
    signature.resize(size);
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, input.size());
    signature.resize(size);
    EVP_MD_CTX_free(context);
    if (algorithm_ == "ES256") signature = FixedSignature(signature);
  }
  return Cat(input, ".", EncodeBase64Url(signature));
}

ProviderWorld::ProviderWorld(const Clock& clock) : rsa("RS256", "rsa-1"), ec("ES256", "ec-1"), clock_(clock) {
  discovery = {{"issuer", kIssuer},
               {"authorization_endpoint", "https://idp.test/authorize?tenant=1"},
               {"token_endpoint", "https://idp.test/token"},
               {"userinfo_endpoint", "https://idp.test/userinfo"},
               {"jwks_uri", "https://idp.test/jwks"},
               {"revocation_endpoint", "https://idp.test/revoke"},
               {"introspection_endpoint", "https://idp.test/introspect"},
               {"device_authorization_endpoint", "https://idp.test/device"},
               {"code_challenge_methods_supported", {"plain", "S256"}},
               {"authorization_response_iss_parameter_supported", true}};
  jwks = {{"keys", {rsa.PublicJwk(), ec.PublicJwk()}}};
  device = {{"device_code", "the-device-code"},
            {"user_code", "ABCD-EFGH"},
            {"verification_uri", "https://idp.test/verify"},
            {"verification_uri_complete", "https://idp.test/verify?user_code=ABCD-EFGH"},
            {"expires_in", 900},
            {"interval", 7}};
  introspection = {{"active", true}, {"sub", "user-1"}, {"client_id", kClient}};
}

OidcSettings ProviderWorld::Settings() const {
  OidcSettings settings;
  settings.issuer = kIssuer;
  settings.client_id = kClient;
  settings.scopes = {"openid", "email"};
  return settings;
}

std::string ProviderWorld::Authorize(const Secret& url) {
  const std::string& text = url.Reveal();
  const auto query = FormOf(std::string_view(text).substr(text.find('?') + 1));
  const auto at = [&](const char* name) { return query.count(name) ? query.at(name) : std::string(); };
  if (at("client_id") != kClient || at("response_type") != "code" || at("code_challenge_method") != "S256" ||
      at("redirect_uri") != kRedirect || at("state").empty()) {
    return "";
  }
  const std::string code = "code-" + std::to_string(++made_);
  codes_[code] = {at("code_challenge"), at("nonce"), at("redirect_uri"),
                  at("scope").find("openid") != std::string::npos};
  return code;
}

HttpResponse ProviderWorld::Answer(int status, std::string body, std::string type) {
  HttpResponse response;
  response.status = status;
  response.headers = {{"content-type", std::move(type)}};
  response.body = Secret(std::move(body));
  return response;
}

Task<absl::StatusOr<HttpResponse>> ProviderWorld::Send(HttpRequest request) {
  std::string endpoint = request.url.substr(request.url.rfind('/') + 1);
  bool hold = false;
  {
    absl::MutexLock lock(&mutex_);
    requests_[endpoint].push_back(request);
    hold = held_ == endpoint;
  }
  if (hold) {
    auto wait = [this](Done<int> done) {
      absl::MutexLock lock(&mutex_);
      waiting_.push_back(std::move(done));
    };
    co_await Await<int>(std::move(wait));
  }
  co_return Handle(endpoint, request);
}

absl::StatusOr<HttpResponse> ProviderWorld::Handle(const std::string& endpoint, const HttpRequest& request) {
  if (const auto it = instead.find(endpoint); it != instead.end()) return it->second;
  if (endpoint == "openid-configuration") return Answer(200, discovery.dump());
  if (endpoint == "jwks") return Answer(200, jwks.dump());
  if (endpoint == "token") return Token(request);
  if (endpoint == "userinfo") return Answer(200, userinfo);
  if (endpoint == "revoke") return Answer(200, "");
  if (endpoint == "device") return Answer(200, device.dump());
  if (endpoint == "introspect") return Answer(200, introspection.dump());
  return Answer(404, "Not Found", "text/plain");
}

bool ProviderWorld::IsOurClient(const HttpRequest& request, const std::map<std::string, std::string>& form) const {
  if (!request.authorization.empty()) {
    const std::string pair = Cat(PercentEncode(kClient), ":", PercentEncode(kSecret));
    return form.count("client_id") == 0 && request.authorization.Equals("Basic " + absl::Base64Escape(pair));
  }
  if (form.count("client_secret") != 0 && form.at("client_secret") != kSecret) return false;
  return form.count("client_id") != 0 && form.at("client_id") == kClient;
}

HttpResponse ProviderWorld::Token(const HttpRequest& request) {
  const auto form = FormOf(request.body.Reveal());
  const auto at = [&](const char* name) { return form.count(name) ? form.at(name) : std::string(); };
  if (!IsOurClient(request, form)) return OAuthError("invalid_client", 401);
  if (at("grant_type") == "refresh_token") {
    const auto it = refresh_tokens_.find(at("refresh_token"));
    if (it == refresh_tokens_.end()) return OAuthError("invalid_grant");
    Asked asked = it->second;
    asked.nonce.clear();
    refresh_tokens_.erase(it);
    return Answer(200, Tokens(asked).dump());
  }
  if (at("grant_type") == "urn:ietf:params:oauth:grant-type:device_code") {
    if (at("device_code") != "the-device-code") return OAuthError("invalid_grant");
    Asked asked;
    asked.openid = true;
    return Answer(200, Tokens(asked).dump());
  }
  const auto it = codes_.find(at("code"));
  if (it == codes_.end() || it->second.redirect_uri != at("redirect_uri") ||
      it->second.challenge != EncodeBase64Url(Sha256(at("code_verifier")))) {
    return OAuthError("invalid_grant");
  }
  const Asked asked = it->second;
  codes_.erase(it);
  return Answer(200, Tokens(asked).dump());
}

json ProviderWorld::Tokens(const Asked& asked) {
  const std::string access_token = "access-" + std::to_string(++made_);
  const std::string refresh_token = "refresh-" + std::to_string(made_);
  refresh_tokens_[refresh_token] = asked;
  json answer = {{"access_token", access_token},
                 {"refresh_token", refresh_token},
                 {"token_type", "Bearer"},
                 {"expires_in", 3600},
                 {"scope", "openid email"}};
  if (asked.openid) {
    const int64_t now = absl::ToUnixSeconds(clock_.Now());
    Draft draft;
    draft.header = {{"alg", "RS256"}, {"kid", "rsa-1"}, {"typ", "JWT"}};
    draft.claims = {{"iss", kIssuer},      {"aud", kClient},
                    {"sub", "user-1"},     {"iat", now},
                    {"exp", now + 600},    {"email", "u@example.com"},
                    {"name", "U Example"}, {"at_hash", EncodeBase64Url(Sha256(access_token).substr(0, 16))}};
    if (!asked.nonce.empty()) draft.claims["nonce"] = asked.nonce;
    draft.key = &rsa;
    id_token(draft);
    answer["id_token"] = draft.raw.empty() ? draft.key->Sign(draft.header, draft.claims) : draft.raw;
  }
  token_answer(answer);
  return answer;
}

int ProviderWorld::Count(const std::string& endpoint) const {
  absl::MutexLock lock(&mutex_);
  const auto it = requests_.find(endpoint);
  return it == requests_.end() ? 0 : static_cast<int>(it->second.size());
}

HttpRequest ProviderWorld::Last(const std::string& endpoint) const {
  absl::MutexLock lock(&mutex_);
  const auto it = requests_.find(endpoint);
  return it == requests_.end() ? HttpRequest() : it->second.back();
}

FormFields ProviderWorld::LastForm(const std::string& endpoint) const {
  return DecodeForm(Last(endpoint).body.Reveal()).value_or(FormFields());
}

void ProviderWorld::Hold(const std::string& endpoint) {
  absl::MutexLock lock(&mutex_);
  held_ = endpoint;
}

void ProviderWorld::WaitUntilHeld(int count) {
  absl::MutexLock lock(&mutex_);
  const auto held = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return static_cast<int>(waiting_.size()) >= count; };
  mutex_.Await(absl::Condition(&held));
}

void ProviderWorld::Release() {
  std::vector<Done<int>> waiting;
  {
    absl::MutexLock lock(&mutex_);
    held_.clear();
    waiting.swap(waiting_);
  }
  for (auto& done : waiting) done(0);
}

}  // namespace authflow
