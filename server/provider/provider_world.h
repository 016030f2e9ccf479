// For tests: an OpenID provider as an HttpClient, with real keys, that a test can change in any point.
#ifndef AUTHFLOW_SERVER_PROVIDER_PROVIDER_WORLD_H_
#define AUTHFLOW_SERVER_PROVIDER_PROVIDER_WORLD_H_

#include <openssl/types.h>

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/base/clock.h"
#include "server/base/http/http_client.h"
#include "server/provider/form.h"
#include "server/provider/oidc_settings.h"

namespace authflow {

class SigningKey {
 public:
  // "RS256" or "ES256".
  SigningKey(std::string algorithm, std::string id, unsigned rsa_bits = 2048);

  nlohmann::json PublicJwk() const;
  // A compact token over the claims; the header is {"alg", "kid"} unless given.
  std::string Sign(const nlohmann::json& claims) const;
  std::string Sign(const nlohmann::json& header, const nlohmann::json& claims) const;
  std::string PublicPem() const;

 private:
  const std::string algorithm_;
  const std::string id_;
  const std::shared_ptr<EVP_PKEY> key_;
};

// A token before it is signed.
struct Draft {
  nlohmann::json header;
  nlohmann::json claims;
  const SigningKey* key = nullptr;
  std::string raw;  // instead of all that
};

class ProviderWorld final : public HttpClient {
 public:
  static constexpr char kIssuer[] = "https://idp.test/tenant";
  static constexpr char kClient[] = "the client";
  static constexpr char kSecret[] = "s:e/cret";
  static constexpr char kRedirect[] = "http://127.0.0.1:1234/callback";

  explicit ProviderWorld(const Clock& clock);

  OidcSettings Settings() const;  // that fit: a public client, discovery, identity from the id_token

  // What a person does with an authorization URL: signs in; gives the code. "" if the request is not a good one.
  std::string Authorize(const Secret& url);

  Task<absl::StatusOr<HttpResponse>> Send(HttpRequest request) override;

  // Requests so far, by the last part of the path: "openid-configuration", "jwks", "token", "userinfo", "revoke",
  // "introspect", "device".
  int Count(const std::string& endpoint) const;
  HttpRequest Last(const std::string& endpoint) const;
  FormFields LastForm(const std::string& endpoint) const;

  // Answers of that endpoint wait until Release; WaitUntilHeld returns when `count` requests do.
  void Hold(const std::string& endpoint);
  void WaitUntilHeld(int count);
  void Release();

  // All that follows is read by Send: change it between calls.
  SigningKey rsa;
  SigningKey ec;
  nlohmann::json discovery;
  nlohmann::json jwks;
  std::function<void(Draft&)> id_token = [](Draft&) {};
  std::function<void(nlohmann::json&)> token_answer = [](nlohmann::json&) {};
  std::string userinfo = R"({"sub":"user-1","email":"u@example.com","name":"U"})";
  nlohmann::json introspection;
  nlohmann::json device;  // its code is always approved
  // Instead of what the endpoint would answer.
  std::map<std::string, absl::StatusOr<HttpResponse>> instead;

  static HttpResponse Answer(int status, std::string body, std::string type = "application/json");

 private:
  struct Asked {
    std::string challenge;
    std::string nonce;
    std::string redirect_uri;
    bool openid = false;
  };
  absl::StatusOr<HttpResponse> Handle(const std::string& endpoint, const HttpRequest& request);
  HttpResponse Token(const HttpRequest& request);
  nlohmann::json Tokens(const Asked& asked);
  bool IsOurClient(const HttpRequest& request, const std::map<std::string, std::string>& form) const;

  const Clock& clock_;
  std::map<std::string, Asked> codes_;
  std::map<std::string, Asked> refresh_tokens_;
  int made_ = 0;
  mutable absl::Mutex mutex_;
  std::map<std::string, std::vector<HttpRequest>> requests_ ABSL_GUARDED_BY(mutex_);
  std::string held_ ABSL_GUARDED_BY(mutex_);
  std::vector<Done<int>> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_PROVIDER_WORLD_H_
