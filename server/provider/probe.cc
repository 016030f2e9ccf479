#include "server/provider/probe.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "server/base/error_class.h"
#include "server/base/random.h"
#include "server/base/text.h"
#include "server/provider/authorization_url.h"
#include "server/provider/client_request.h"
#include "server/provider/discovery.h"
#include "server/provider/jwt.h"
#include "server/provider/provider_error.h"
#include "server/provider/token_answer.h"

namespace authflow {
namespace {

void Add(ProbeReport& report, std::string what, bool ok, std::string detail) {
  ProbeLine line;
  line.what = std::move(what);
  line.ok = ok;
  line.detail = std::move(detail);
  report.lines.push_back(std::move(line));
}

void AddFailure(ProbeReport& report, std::string what, const absl::Status& status) {
  Add(report, std::move(what), false, std::string(status.message()));
}

// The endpoints that a login needs, and PKCE.
void AddEndpoints(const ProviderFacts& facts, ProbeReport& report) {
  std::vector<std::string> missing;
  if (facts.endpoints.authorization.empty()) missing.push_back("authorization");
  if (facts.endpoints.token.empty()) missing.push_back("token");
  if (!missing.empty()) {
    Add(report, "endpoints", false, Cat("Not known, and needed: ", absl::StrJoin(missing, ", "), "."));
  } else if (facts.refuses_s256) {
    Add(report, "endpoints", false, "The provider lists the PKCE methods it supports, and S256 is not one of them.");
  } else {
    Add(report, "endpoints", true,
        Cat("Authorization at ", facts.endpoints.authorization, ", tokens at ", facts.endpoints.token, "."));
  }
}

void AddRevocation(const ProviderFacts& facts, ProbeReport& report) {
  Add(report, "revocation", true,
      facts.endpoints.revocation.empty()
          ? "No endpoint: a logout forgets tokens here and leaves them valid at the provider."
          : Cat("At ", facts.endpoints.revocation, "."));
}

void AddClient(const OidcSettings& settings, const absl::Status& status, ProbeReport& report) {
  const char* with = settings.client_authentication == ClientAuthentication::kNone ? "" : " and its secret";
  switch (ClassOf(status)) {
    case v1::ERROR_CLASS_CODE_REFUSED:
      Add(report, "client", true, Cat("The provider knows the client", with, "."));
      return;
    case v1::ERROR_CLASS_PROVIDER_REFUSED:
      Add(report, "client", true,
          Cat("Cannot be told: to a made-up code the provider said otherwise. ", ToStd(status.message())));
      return;
    default:
      AddFailure(report, "client", status);
  }
}

Task<absl::StatusOr<HttpResponse>> Fetch(HttpClient& http, HttpRequest request) {
  absl::StatusOr<HttpResponse> response = co_await http.Send(std::move(request));
  if (!response.ok()) co_return WireRefusal(response.status());
  co_return response;
}

// References in what follows name what Probe's own frame holds: it awaits each at once.
Task<absl::StatusOr<ProviderFacts>> ProbeDiscovery(const OidcSettings& settings, HttpClient& http,
                                                   ProbeReport& report) {
  if (IsByHand(settings)) {
    Add(report, "discovery", true, "Not needed: the endpoints are given by hand.");
    co_return FactsByHand(settings);
  }
  HttpRequest request = DocumentRequest(settings, DiscoveryUrl(settings.issuer), settings.timeout);
  const absl::StatusOr<HttpResponse> response = co_await Fetch(http, std::move(request));
  absl::StatusOr<ProviderFacts> facts = response.ok() ? ReadDiscovery(settings, *response) : response.status();
  if (facts.ok()) {
    Add(report, "discovery", true,
        Cat("Read from ", DiscoveryUrl(settings.issuer), "; the issuer is the configured one."));
  } else {
    AddFailure(report, "discovery", facts.status());
  }
  co_return facts;
}

Task<void> ProbeKeys(const OidcSettings& settings, HttpClient& http, std::string url, ProbeReport& report) {
  if (url.empty()) {
    const bool needed = AsksForOpenId(settings) && !settings.issuer.empty();
    Add(report, "keys", !needed,
        needed ? "No address of keys (jwks_uri): id_tokens cannot be verified." : "Not needed.");
    co_return;
  }
  HttpRequest request = DocumentRequest(settings, url, settings.timeout);
  const absl::StatusOr<HttpResponse> response = co_await Fetch(http, std::move(request));
  if (!response.ok()) {
    AddFailure(report, "keys", response.status());
    co_return;
  }
  const std::optional<Jwks> keys = response->status == 200 ? ParseJwks(response->body.Reveal()) : std::nullopt;
  if (!keys || keys->empty()) {
    Add(report, "keys", false,
        Cat("At ", url, " are no keys for RS256 or ES256 (HTTP ", response->status,
            "): id_tokens cannot be verified."));
    co_return;
  }
  const auto rsa = std::count_if(keys->begin(), keys->end(), [](const Jwk& key) { return key.algorithm == "RS256"; });
  Add(report, "keys", true,
      Cat("At ", url, ": ", rsa, " for RS256, ", static_cast<int64_t>(keys->size()) - rsa, " for ES256."));
}

Task<void> ProbeClient(const OidcSettings& settings, HttpClient& http, std::string endpoint, std::string redirect_uri,
                       ProbeReport& report) {
  FormFields fields = {{"grant_type", "authorization_code"},
                       {"code", "authflow-probe-" + EncodeBase64Url(RandomBytes(16))},
                       {"redirect_uri", std::move(redirect_uri)},
                       {"code_verifier", EncodeBase64Url(RandomBytes(32))}};
  HttpRequest request = ClientRequest(settings, std::move(endpoint), std::move(fields), settings.timeout);
  const absl::StatusOr<HttpResponse> response = co_await Fetch(http, std::move(request));
  if (!response.ok()) {
    AddFailure(report, "client", response.status());
    co_return;
  }
  const std::vector<std::string_view> secrets = {settings.client_secret.Reveal()};
  const absl::StatusOr<TokenAnswer> answer =
      ReadTokenAnswer(*response, Grant::kCode, absl::UnixEpoch(), settings.scopes, secrets);
  if (answer.ok()) {
    Add(report, "client", false, "The token endpoint gave tokens for a made-up code: it is no real one.");
  } else {
    AddClient(settings, answer.status(), report);
  }
}

}  // namespace

bool ProbeReport::ok() const {
  return std::all_of(lines.begin(), lines.end(), [](const ProbeLine& line) { return line.ok; });
}

Task<ProbeReport> Probe(OidcSettings settings, HttpClient& http, std::string redirect_uri) {
  ProbeReport report;
  const absl::StatusOr<ProviderFacts> facts = co_await ProbeDiscovery(settings, http, report);
  if (!facts.ok()) co_return report;
  AddEndpoints(*facts, report);
  co_await ProbeKeys(settings, http, facts->endpoints.jwks, report);
  if (!facts->endpoints.token.empty()) {
    co_await ProbeClient(settings, http, facts->endpoints.token, std::move(redirect_uri), report);
  }
  AddRevocation(*facts, report);
  co_return report;
}

}  // namespace authflow
