#include "server/provider/client_request.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "server/base/text.h"

namespace authflow {

HttpRequest DocumentRequest(const OidcSettings& settings, std::string url, absl::Duration timeout) {
  HttpRequest request;
  request.url = std::move(url);
  request.headers = {{"Accept", "application/json"}};
  request.timeout = timeout;
  request.ca_file = settings.ca_file;
  return request;
}

HttpRequest ClientRequest(const OidcSettings& settings, std::string url, FormFields fields, absl::Duration timeout) {
  HttpRequest request = DocumentRequest(settings, std::move(url), timeout);
  request.method = "POST";
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  const std::string& secret = settings.client_secret.Reveal();
  switch (settings.client_authentication) {
    case ClientAuthentication::kNone:
      fields.emplace_back("client_id", settings.client_id);
      break;
    case ClientAuthentication::kSecretPost:
      fields.emplace_back("client_id", settings.client_id);
      fields.emplace_back("client_secret", secret);
      break;
    case ClientAuthentication::kSecretBasic: {
      // RFC 6749 2.3.1: both are form-encoded first, so that a colon in the id is no separator.
      const Secret pair(Cat(PercentEncode(settings.client_id), ":", PercentEncode(secret)));
      request.authorization = Secret("Basic " + absl::Base64Escape(pair.Reveal()));
      break;
    }
  }
  request.body = Secret(EncodeForm(fields));
  return request;
}

}  // namespace authflow
