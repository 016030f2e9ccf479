// The certificate and its key that --tls-cert and --tls-key name.
#ifndef AUTHFLOW_SERVER_PROCESS_TLS_FILES_H_
#define AUTHFLOW_SERVER_PROCESS_TLS_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "server/base/secret.h"

namespace authflow {

struct TlsFiles {
  std::string certificate;  // PEM, the chain; empty: none was named
  Secret key;               // PEM
};

// Both names or none. FAILED_PRECONDITION, with the flag's name, for what gRPC would refuse without a word that helps:
// a file that cannot be read, that holds none, or two that do not belong together.
absl::StatusOr<TlsFiles> ReadTlsFiles(const std::string& certificate_file, const std::string& key_file);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_TLS_FILES_H_
