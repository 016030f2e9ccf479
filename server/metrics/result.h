// The label that says how a call ended.
#ifndef AUTHFLOW_SERVER_METRICS_RESULT_H_
#define AUTHFLOW_SERVER_METRICS_RESULT_H_

#include <string_view>

#include "absl/status/status.h"
#include "server/base/error_class.h"

namespace authflow {

// "ok", the class's name, or "other" for an error without one.
inline std::string_view ResultName(const absl::Status& status) {
  if (status.ok()) return "ok";
  const ErrorClass error_class = ClassOf(status);
  return error_class == v1::ERROR_CLASS_UNSPECIFIED ? std::string_view("other") : NameOf(error_class);
}

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_METRICS_RESULT_H_
