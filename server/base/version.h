// The version of this source tree: server, client and CLI are released together.
#ifndef AUTHFLOW_SERVER_BASE_VERSION_H_
#define AUTHFLOW_SERVER_BASE_VERSION_H_

namespace authflow {

// Semantic versioning 2.0.0.
inline constexpr char kVersion[] = "0.1.0";

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_VERSION_H_
