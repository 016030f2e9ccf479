#include "server/provider/form.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "server/base/text.h"

namespace authflow {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> PercentDecode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      decoded.push_back(' ');
    } else if (text[i] != '%') {
      decoded.push_back(text[i]);
    } else {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      decoded.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return decoded;
}

// RFC 3986 2.3: what needs no encoding.
constexpr std::array<bool, 256> kUnreserved = [] {
  std::array<bool, 256> plain{};
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")) {
    plain[static_cast<unsigned char>(c)] = true;
  }
  return plain;
}();

void AppendEncoded(std::string& to, std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  const auto reserved = [](char c) { return !kUnreserved[static_cast<unsigned char>(c)]; };
  while (true) {
    const auto end = std::find_if(text.begin(), text.end(), reserved);
    to.append(text.begin(), end);
    if (end == text.end()) return;
    const auto byte = static_cast<unsigned char>(*end);
    to.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    text.remove_prefix(static_cast<size_t>(end - text.begin()) + 1);
  }
}

template <typename Fields>
void AppendForm(std::string& to, const Fields& fields) {
  size_t most = to.size();
  for (const auto& [name, value] : fields) most += 2 + 3 * (name.size() + value.size());
  to.reserve(most);
  bool first = true;
  for (const auto& [name, value] : fields) {
    if (!std::exchange(first, false)) to.push_back('&');
    AppendEncoded(to, name);
    to.push_back('=');
    AppendEncoded(to, value);
  }
}

}  // namespace

std::string PercentEncode(std::string_view text) {
  std::string encoded;
  AppendEncoded(encoded, text);
  return encoded;
}

std::string EncodeForm(const FormFields& fields) {
  std::string form;
  AppendForm(form, fields);
  return form;
}

std::optional<FormFields> DecodeForm(std::string_view text) {
  FormFields fields;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    auto name = PercentDecode(pair.substr(0, equals));
    auto value = PercentDecode(pair.substr(std::min(pair.size(), equals + 1)));
    if (!name || !value) return std::nullopt;
    fields.emplace_back(*std::move(name), *std::move(value));
  }
  return fields;
}

std::string WithQuery(std::string_view url, const FormViews& fields) {
  std::string all(url.substr(0, url.find('#')));
  if (all.find('?') == std::string::npos) {
    all.push_back('?');
  } else if (all.back() != '?' && all.back() != '&') {
    all.push_back('&');
  }
  AppendForm(all, fields);
  return all;
}

std::string EncodeBase64Url(std::string_view bytes) {
  std::string text;
  absl::WebSafeBase64Escape(ToAbsl(bytes), &text);
  return text;
}

std::optional<std::string> DecodeBase64Url(std::string_view text) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(ToAbsl(text), &bytes) || EncodeBase64Url(bytes) != text) return std::nullopt;
  return bytes;
}

std::string Sha256(std::string_view bytes) {
  // SHA256() would look the algorithm up by its name, each time.
  static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  if (EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, sha256,
                 nullptr) != 1) {
    std::abort();
  }
  return digest;
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool HasNoControls(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
}

bool IsSafeUrl(std::string_view url) {
  if (!HasNoControls(url) || url.find(' ') != std::string_view::npos) return false;
  if (url.starts_with("https://")) return url.size() > 8 && url[8] != '/';
  if (!url.starts_with("http://")) return false;
  std::string_view host = url.substr(7);
  host = host.substr(0, host.find_first_of("/?#"));
  if (host.find('@') != std::string_view::npos) return false;
  const size_t port = host.starts_with("[") ? host.find("]:") : host.find(':');
  if (port != std::string_view::npos) host = host.substr(0, port + (host.starts_with("[") ? 1 : 0));
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

}  // namespace authflow
