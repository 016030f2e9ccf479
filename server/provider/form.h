// Encodings of OAuth: application/x-www-form-urlencoded and base64url. Pure.
#ifndef AUTHFLOW_SERVER_PROVIDER_FORM_H_
#define AUTHFLOW_SERVER_PROVIDER_FORM_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace authflow {

using FormFields = std::vector<std::pair<std::string, std::string>>;
// Of texts that others keep.
using FormViews = std::vector<std::pair<std::string_view, std::string_view>>;

// Everything but unreserved characters (RFC 3986 2.3) as %XX: right in a query, in a form, and in RFC 6749 2.3.1.
std::string PercentEncode(std::string_view text);

// name=value&name=value.
std::string EncodeForm(const FormFields& fields);

// Pairs in their order; a pair without "=" has an empty value, an empty pair is skipped. nullopt: a broken escape.
std::optional<FormFields> DecodeForm(std::string_view text);

// The URL with the fields added to its query.
std::string WithQuery(std::string_view url, const FormViews& fields);

// RFC 4648 section 5, without padding.
std::string EncodeBase64Url(std::string_view bytes);
// nullopt for padding, other characters, and a second spelling of the same bytes.
std::optional<std::string> DecodeBase64Url(std::string_view text);

// SHA-256, 32 bytes.
std::string Sha256(std::string_view bytes);

// Of the same length and characters, in a time that depends on the length alone.
bool EqualInConstantTime(std::string_view a, std::string_view b);

// No byte below 0x20, no 0x7f.
bool HasNoControls(std::string_view text);

// An https URL, or an http URL of a loopback host: where a secret may be sent.
bool IsSafeUrl(std::string_view url);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_FORM_H_
