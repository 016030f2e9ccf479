#include "server/rpc/status.h"

#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/error_class.h"

namespace authflow {

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const auto code = static_cast<grpc::StatusCode>(status.code());
  std::string message(status.message());
  const ErrorClass error_class = ClassOf(status);
  if (error_class == v1::ERROR_CLASS_UNSPECIFIED) return grpc::Status(code, message);

  google::rpc::ErrorInfo info;
  info.set_reason(std::string(NameOf(error_class)));
  info.set_domain("authflow");
  for (const auto& [key, value] : MetadataOf(status)) (*info.mutable_metadata())[key] = value;
  google::rpc::Status details;
  details.set_code(code);
  details.set_message(message);
  details.add_details()->PackFrom(info);
  if (error_class == v1::ERROR_CLASS_SERVER_BUSY) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(kBusyPause)));
    details.add_details()->PackFrom(retry);
  }
  return grpc::Status(code, message, details.SerializeAsString());
}

}  // namespace authflow
