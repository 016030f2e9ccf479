// The answer of a device authorization endpoint (RFC 8628 3.2), read with tolerance. Pure.
#ifndef AUTHFLOW_SERVER_PROVIDER_DEVICE_ANSWER_H_
#define AUTHFLOW_SERVER_PROVIDER_DEVICE_ANSWER_H_

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/http/http_client.h"
#include "server/provider/provider.h"

namespace authflow {

// `asked` is when the request was made: the code's time counts from there. `secrets` are kept out of messages.
absl::StatusOr<DeviceAuthorization> ReadDeviceAnswer(const HttpResponse& response, absl::Time asked,
                                                     const std::vector<std::string_view>& secrets);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROVIDER_DEVICE_ANSWER_H_
