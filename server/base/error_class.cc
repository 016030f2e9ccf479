#include "server/base/error_class.h"

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/text.h"

namespace authflow {
namespace {

constexpr size_t kPrefixLength = sizeof("ERROR_CLASS_") - 1;
constexpr std::string_view kClassUrl = "authflow/error_class";
constexpr std::string_view kMetadataUrl = "authflow/metadata/";

}  // namespace

const char* NameOf(ErrorClass error_class) {
  const auto* value = v1::ErrorClass_descriptor()->FindValueByNumber(error_class);
  if (value == nullptr) return "UNSPECIFIED";
  return value->name().c_str() + kPrefixLength;
}

absl::StatusCode CodeOf(ErrorClass error_class) {
  using absl::StatusCode;
  switch (error_class) {
    case v1::ERROR_CLASS_INVALID_REQUEST:
    case v1::ERROR_CLASS_REDIRECT_URI_NOT_ALLOWED:
    case v1::ERROR_CLASS_REDIRECT_MALFORMED:
    case v1::ERROR_CLASS_APPLICATION_NAME_INVALID:
    case v1::ERROR_CLASS_REGION_NOT_OFFERED:
    case v1::ERROR_CLASS_PAGE_TOKEN_INVALID:
      return StatusCode::kInvalidArgument;
    case v1::ERROR_CLASS_UNKNOWN_PRODUCT:
    case v1::ERROR_CLASS_FLOW_NOT_FOUND:
      return StatusCode::kNotFound;
    case v1::ERROR_CLASS_FLOW_TOKEN_INVALID:
    case v1::ERROR_CLASS_REFRESH_TOKEN_REFUSED:
    case v1::ERROR_CLASS_ACCESS_TOKEN_REFUSED:
      return StatusCode::kUnauthenticated;
    case v1::ERROR_CLASS_FLOW_TOKEN_MISMATCH:
    case v1::ERROR_CLASS_STATE_MISMATCH:
    case v1::ERROR_CLASS_ISSUER_MISMATCH:
    case v1::ERROR_CLASS_DENIED:
      return StatusCode::kPermissionDenied;
    case v1::ERROR_CLASS_FLOW_FINISHED:
    case v1::ERROR_CLASS_FLOW_EXPIRED:
    case v1::ERROR_CLASS_STEP_NOT_ALLOWED:
    case v1::ERROR_CLASS_NOT_EXCHANGED:
    case v1::ERROR_CLASS_ATTEMPTS_EXHAUSTED:
    case v1::ERROR_CLASS_CODE_USED:
    case v1::ERROR_CLASS_PROVIDER_INVALID_RESPONSE:
    case v1::ERROR_CLASS_PROVIDER_REFUSED:
    case v1::ERROR_CLASS_PROVIDER_CLIENT_REFUSED:
    case v1::ERROR_CLASS_CODE_REFUSED:
    case v1::ERROR_CLASS_ID_TOKEN_INVALID:
    case v1::ERROR_CLASS_IDENTITY_MISSING:
    case v1::ERROR_CLASS_ACCESS_TOKEN_UNVERIFIABLE:
    case v1::ERROR_CLASS_DEVICE_GRANT_NOT_OFFERED:
    case v1::ERROR_CLASS_APPLICATIONS_NOT_CONFIGURED:
    case v1::ERROR_CLASS_NOT_INVOKED:
      return StatusCode::kFailedPrecondition;
    case v1::ERROR_CLASS_REQUEST_ID_REUSED:
    case v1::ERROR_CLASS_APPLICATION_NAME_TAKEN:
      return StatusCode::kAlreadyExists;
    case v1::ERROR_CLASS_ANSWER_GONE:
      return StatusCode::kAborted;
    case v1::ERROR_CLASS_PROVIDER_UNREACHABLE:
    case v1::ERROR_CLASS_PROVIDER_ERROR:
    case v1::ERROR_CLASS_STORE_UNAVAILABLE:
    case v1::ERROR_CLASS_SERVER_BUSY:
      return StatusCode::kUnavailable;
    case v1::ERROR_CLASS_PROVIDER_TIMEOUT:
      return StatusCode::kDeadlineExceeded;
    case v1::ERROR_CLASS_PROVIDER_RATE_LIMITED:
    case v1::ERROR_CLASS_STORE_FULL:
      return StatusCode::kResourceExhausted;
    default:
      return StatusCode::kUnknown;
  }
}

bool IsClientClass(ErrorClass error_class) { return std::string_view(NameOf(error_class)).starts_with("CLIENT_"); }

absl::Status Refusal(ErrorClass error_class, std::string_view message,
                     const std::map<std::string, std::string>& metadata) {
  absl::Status status(CodeOf(error_class), ToAbsl(message));
  status.SetPayload(ToAbsl(kClassUrl), absl::Cord(absl::StrCat(static_cast<int>(error_class))));
  for (const auto& [key, value] : metadata) status = WithMetadata(std::move(status), key, value);
  return status;
}

ErrorClass ClassOf(const absl::Status& status) {
  const auto payload = status.GetPayload(ToAbsl(kClassUrl));
  int number = 0;
  if (!payload || !absl::SimpleAtoi(std::string(*payload), &number)) return v1::ERROR_CLASS_UNSPECIFIED;
  return static_cast<ErrorClass>(number);
}

std::map<std::string, std::string> MetadataOf(const absl::Status& status) {
  std::map<std::string, std::string> metadata;
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& value) {
    const std::string_view name = ToStd(url);
    if (name.starts_with(kMetadataUrl)) metadata.emplace(name.substr(kMetadataUrl.size()), std::string(value));
  });
  return metadata;
}

absl::Status WithMetadata(absl::Status status, std::string_view key, std::string_view value) {
  if (ClassOf(status) != v1::ERROR_CLASS_UNSPECIFIED) {
    status.SetPayload(Cat(kMetadataUrl, key), absl::Cord(ToAbsl(value)));
  }
  return status;
}

}  // namespace authflow
