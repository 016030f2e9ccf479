#include "server/provider/dev_provider.h"

#include <deque>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/synchronization/mutex.h"
#include "server/base/error_class.h"
#include "server/base/random.h"
#include "server/base/text.h"
#include "server/provider/authorization_url.h"
#include "server/provider/form.h"
#include "server/provider/oidc_settings.h"
#include "server/provider/provider_error.h"

namespace authflow {
namespace {

constexpr absl::Duration kCodeLife = absl::Minutes(1);
constexpr absl::Duration kDeviceCodeLife = absl::Minutes(5);
constexpr absl::Duration kTokenLife = absl::Hours(1);
constexpr absl::Duration kShortTokenLife = absl::Seconds(5);
constexpr size_t kRemembered = 10000;

using Fields = std::map<std::string, std::string>;

std::string At(const Fields& fields, const std::string& name) {
  const auto it = fields.find(name);
  return it == fields.end() ? "" : it->second;
}

// The person that a login_hint means, and what is to happen.
struct Hint {
  std::string email;
  std::string how;  // the part before the "@"
};

Hint ReadHint(std::string_view login_hint) {
  Hint hint;
  const std::string_view name = login_hint.substr(0, login_hint.find('@'));
  hint.how = std::string(name);
  hint.email = login_hint.empty()   ? "dev@example.com"
               : name == login_hint ? Cat(name, "@example.com")
                                    : std::string(login_hint);
  return hint;
}

// Not the e-mail: a user id goes into events.
std::string UserId(const std::string& email) {
  return "dev-" +
         absl::BytesToHexString(Sha256(Cat("authflow dev user\n", absl::AsciiStrToLower(email)))).substr(0, 16);
}

absl::Status AccessTokenRefused() {
  return Refusal(v1::ERROR_CLASS_ACCESS_TOKEN_REFUSED,
                 "The access token is expired, revoked or not one of this server's. Refresh it or sign in again.");
}

class DevProviderImpl final : public DevProvider {
 public:
  DevProviderImpl(std::string authorize_url, const Keys& keys, const Clock& clock)
      : authorize_url_(std::move(authorize_url)),
        issuer_(authorize_url_.substr(0, authorize_url_.rfind('/'))),
        keys_(keys),
        clock_(clock) {
    settings_.client_id = "authflow-dev";
    settings_.scopes = {"openid", "email", "profile", "offline_access"};
  }

  absl::StatusOr<std::string> DevAuthorize(std::string_view query) override;

  Task<absl::StatusOr<Secret>> AuthorizationUrl(AuthorizationRequest request) override {
    co_return BuildAuthorizationUrl(settings_, authorize_url_, request);
  }

  Task<absl::Status> CheckIssuer(std::optional<std::string> iss) override {
    if (iss == issuer_) co_return absl::OkStatus();
    co_return Refusal(
        v1::ERROR_CLASS_ISSUER_MISMATCH,
        "The redirect does not come from the identity provider that was asked. Sign in again in the browser.");
  }

  Task<absl::StatusOr<SignedIn>> RedeemCode(CodeGrant grant) override { co_return Redeem(grant); }
  Task<bool> OffersDeviceGrant() override { co_return true; }
  Task<absl::StatusOr<DeviceAuthorization>> StartDevice(v1::FlowKind /*kind*/) override { co_return NewDeviceCode(); }
  Task<absl::StatusOr<DeviceAnswer>> PollDevice(DeviceGrant grant) override { co_return RedeemDevice(grant); }
  Task<absl::StatusOr<Tokens>> Refresh(Secret refresh_token) override { co_return Rotate(refresh_token); }

  Task<absl::Status> Revoke(Tokens tokens) override {
    if (!tokens.refresh_token.empty()) Spend(tokens.refresh_token.Reveal());
    if (!tokens.access_token.empty()) Spend(tokens.access_token.Reveal());
    co_return absl::OkStatus();
  }

  Task<absl::StatusOr<std::string>> OwnerOf(Secret access_token) override {
    const auto token = Open("dev_at_", access_token.Reveal());
    if (!token || IsSpent(access_token.Reveal())) co_return AccessTokenRefused();
    co_return UserId(At(*token, "email"));
  }

 private:
  absl::StatusOr<SignedIn> Redeem(const CodeGrant& grant);
  DeviceAuthorization NewDeviceCode() const;
  absl::StatusOr<DeviceAnswer> RedeemDevice(const DeviceGrant& grant);
  absl::StatusOr<Tokens> Rotate(const Secret& refresh_token);
  SignedIn NewSignIn(const std::string& email, bool short_lived) const;
  Tokens NewTokens(const std::string& email, bool short_lived) const;

  // A value that only Open with the same prefix reads, until `life` has passed.
  std::string Seal(std::string_view prefix, FormFields fields, absl::Duration life) const {
    fields.emplace_back("until", Cat(absl::ToUnixMillis(clock_.Now() + life)));
    return Cat(prefix, EncodeBase64Url(keys_.Seal(EncodeForm(fields), prefix)));
  }
  std::optional<Fields> Open(std::string_view prefix, std::string_view text) const;

  bool IsSpent(const std::string& value) const {
    absl::MutexLock lock(&mutex_);
    return spent_.contains(Sha256(value));
  }
  // False: it was spent before.
  bool Spend(const std::string& value) {
    absl::MutexLock lock(&mutex_);
    if (!spent_.insert(Sha256(value)).second) return false;
    order_.push_back(Sha256(value));
    if (order_.size() > kRemembered) {
      spent_.erase(order_.front());
      order_.pop_front();
    }
    return true;
  }

  const std::string authorize_url_;
  const std::string issuer_;
  const Keys& keys_;
  const Clock& clock_;
  OidcSettings settings_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_set<std::string> spent_ ABSL_GUARDED_BY(mutex_);  // digests
  std::deque<std::string> order_ ABSL_GUARDED_BY(mutex_);
};

std::optional<Fields> DevProviderImpl::Open(std::string_view prefix, std::string_view text) const {
  if (!text.starts_with(prefix)) return std::nullopt;
  const auto bytes = DecodeBase64Url(text.substr(prefix.size()));
  if (!bytes) return std::nullopt;
  const auto plain = keys_.Open(*bytes, prefix);
  if (!plain.ok()) return std::nullopt;
  const auto form = DecodeForm(*plain);
  if (!form) return std::nullopt;
  Fields fields(form->begin(), form->end());
  int64_t until = 0;
  if (!absl::SimpleAtoi(At(fields, "until"), &until) || absl::FromUnixMillis(until) <= clock_.Now())
    return std::nullopt;
  return fields;
}

absl::StatusOr<std::string> DevProviderImpl::DevAuthorize(std::string_view query) {
  const auto form = DecodeForm(query);
  if (!form) return absl::InvalidArgumentError("The query has a broken escape.");
  const Fields asked(form->begin(), form->end());
  const std::string redirect_uri = At(asked, "redirect_uri");
  if (!redirect_uri.starts_with("http://") || !IsSafeUrl(redirect_uri)) {
    return absl::InvalidArgumentError("redirect_uri is no http URL on loopback.");
  }
  if (At(asked, "response_type") != "code") return absl::InvalidArgumentError("response_type is not \"code\".");
  if (At(asked, "state").empty()) return absl::InvalidArgumentError("state is missing.");
  if (At(asked, "code_challenge").size() != 43 || At(asked, "code_challenge_method") != "S256") {
    return absl::InvalidArgumentError("code_challenge of method S256 is missing.");
  }
  FormFields answer;
  const Hint hint = ReadHint(At(asked, "login_hint"));
  if (hint.how == "deny") {
    answer = {{"error", "access_denied"}, {"error_description", "The user said no."}};
  } else if (hint.how == "error") {
    answer = {{"error", "server_error"}, {"error_description", "Asked for by login_hint."}};
  } else {
    FormFields code = {{"email", hint.email},
                       {"how", hint.how},
                       {"challenge", At(asked, "code_challenge")},
                       {"redirect_uri", redirect_uri}};
    answer = {{"code", Seal("dev_code_", std::move(code), kCodeLife)}};
  }
  answer.emplace_back("state", At(asked, "state"));
  answer.emplace_back("iss", issuer_);
  return WithQuery(redirect_uri, FormViews(answer.begin(), answer.end()));
}

Tokens DevProviderImpl::NewTokens(const std::string& email, bool short_lived) const {
  const absl::Duration life = short_lived ? kShortTokenLife : kTokenLife;
  const FormFields fields = {{"email", email}, {"short", short_lived ? "1" : ""}};
  Tokens tokens;
  tokens.access_token = Secret(Seal("dev_at_", fields, life));
  tokens.refresh_token = Secret(Seal("dev_rt_", fields, absl::Hours(24 * 30)));
  tokens.expire = clock_.Now() + life;
  tokens.scopes = settings_.scopes;
  return tokens;
}

absl::StatusOr<SignedIn> DevProviderImpl::Redeem(const CodeGrant& grant) {
  if (grant.deadline <= clock_.Now()) return NoTimeRefusal();
  const auto code = Open("dev_code_", grant.code.Reveal());
  if (!code) return GrantRefusal(Grant::kCode, "invalid_grant: unknown or expired");
  if (At(*code, "how") == "fail") return GrantRefusal(Grant::kCode, "invalid_grant: asked for by login_hint");
  if (At(*code, "redirect_uri") != grant.redirect_uri) return GrantRefusal(Grant::kCode, "invalid_grant: redirect_uri");
  if (!EqualInConstantTime(At(*code, "challenge"), S256Challenge(grant.code_verifier))) {
    return GrantRefusal(Grant::kCode, "invalid_grant: code_verifier");
  }
  if (!Spend(grant.code.Reveal())) return GrantRefusal(Grant::kCode, "invalid_grant: used before");
  return NewSignIn(At(*code, "email"), At(*code, "how") == "short");
}

DeviceAuthorization DevProviderImpl::NewDeviceCode() const {
  // RFC 8628 6.1: letters that are hard to mix up, and make no words.
  constexpr std::string_view kLetters = "BCDFGHJKLMNPQRSTVWXZ";
  DeviceAuthorization device;
  for (const char byte : RandomBytes(8)) {
    if (device.user_code.size() == 4) device.user_code += '-';
    device.user_code += kLetters[static_cast<unsigned char>(byte) % kLetters.size()];
  }
  device.verification_uri = Cat(issuer_, "/device");
  device.verification_uri_complete = Cat(device.verification_uri, "?user_code=", device.user_code);
  device.device_code =
      Secret(Seal("dev_device_", {{"email", ReadHint("").email}, {"user_code", device.user_code}}, kDeviceCodeLife));
  device.expire = clock_.Now() + kDeviceCodeLife;
  device.interval = absl::Seconds(1);
  return device;
}

absl::StatusOr<DeviceAnswer> DevProviderImpl::RedeemDevice(const DeviceGrant& grant) {
  const auto code = Open("dev_device_", grant.device_code.Reveal());
  if (!code) return GrantRefusal(Grant::kDevice, "expired_token");
  if (!Spend(grant.device_code.Reveal())) return GrantRefusal(Grant::kDevice, "invalid_grant: used before");
  return DeviceAnswer{.state = DeviceAnswer::State::kSignedIn, .signed_in = NewSignIn(At(*code, "email"), false)};
}

SignedIn DevProviderImpl::NewSignIn(const std::string& email, bool short_lived) const {
  SignedIn signed_in;
  signed_in.tokens = NewTokens(email, short_lived);
  signed_in.identity.user_id = UserId(email);
  signed_in.identity.email = email;
  signed_in.identity.name = email.substr(0, email.find('@'));
  return signed_in;
}

absl::StatusOr<Tokens> DevProviderImpl::Rotate(const Secret& refresh_token) {
  const auto token = Open("dev_rt_", refresh_token.Reveal());
  if (!token) return GrantRefusal(Grant::kRefresh, "invalid_grant: unknown or expired");
  if (!Spend(refresh_token.Reveal())) return GrantRefusal(Grant::kRefresh, "invalid_grant: used or revoked");
  return NewTokens(At(*token, "email"), !At(*token, "short").empty());
}

}  // namespace

std::shared_ptr<DevProvider> NewDevProvider(std::string authorize_url, const Keys& keys, const Clock& clock) {
  return std::make_shared<DevProviderImpl>(std::move(authorize_url), keys, clock);
}

}  // namespace authflow
