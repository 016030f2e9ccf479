#include "client/rpc_status.h"

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/authflow_client.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/error_class.h"

namespace authflow {
namespace {

constexpr char kDomain[] = "authflow";

ErrorClass ClassNamed(const std::string& reason) {
  ErrorClass error_class = v1::ERROR_CLASS_UNSPECIFIED;
  v1::ErrorClass_Parse(absl::StrCat("ERROR_CLASS_", reason), &error_class);
  return error_class;
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status details;
  if (!status.error_details().empty() && details.ParseFromString(status.error_details())) {
    for (const auto& detail : details.details()) {
      google::rpc::ErrorInfo info;
      if (!detail.UnpackTo(&info) || info.domain() != kDomain) continue;
      const ErrorClass error_class = ClassNamed(info.reason());
      if (error_class == v1::ERROR_CLASS_UNSPECIFIED) continue;
      return Refusal(error_class, status.error_message(), {info.metadata().begin(), info.metadata().end()});
    }
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

bool IsWorthRetrying(const absl::Status& status) {
  const ErrorClass error_class = ClassOf(status);
  if (error_class == v1::ERROR_CLASS_STORE_UNAVAILABLE || error_class == v1::ERROR_CLASS_SERVER_BUSY) return true;
  return error_class == v1::ERROR_CLASS_UNSPECIFIED && absl::IsUnavailable(status);
}

absl::Duration PauseOf(const grpc::Status& status) {
  google::rpc::Status details;
  if (status.error_details().empty() || !details.ParseFromString(status.error_details())) return absl::ZeroDuration();
  for (const auto& detail : details.details()) {
    google::rpc::RetryInfo retry;
    if (!detail.Is<google::rpc::RetryInfo>() || !detail.UnpackTo(&retry)) continue;
    const absl::Duration pause =
        absl::Seconds(retry.retry_delay().seconds()) + absl::Nanoseconds(retry.retry_delay().nanos());
    return std::clamp(pause, absl::ZeroDuration(), absl::Minutes(1));  // whoever is on the way may say anything
  }
  return absl::ZeroDuration();
}

bool IsNetworkError(const absl::Status& status) {
  return ClassOf(status) == v1::ERROR_CLASS_UNSPECIFIED &&
         (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status));
}

}  // namespace authflow
