// The configuration file (protos/authflow/config/v1/config.proto): read once, validated whole, secrets resolved.
#ifndef AUTHFLOW_SERVER_CONFIG_CONFIG_H_
#define AUTHFLOW_SERVER_CONFIG_CONFIG_H_

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/secret.h"
#include "server/provider/oidc_settings.h"

namespace authflow {

// What config.proto says, with its defaults filled in: plain values, all of them valid.

struct RedirectConfig {
  std::string host;
  std::string path;
  std::vector<int> ports;
  std::vector<std::string> uris;
};

struct NoApplicationsConfig {};
struct LocalApplicationsConfig {
  std::vector<std::string> regions;
};

struct NoSinkConfig {};
struct FileSinkConfig {
  std::string path;  // relative to the data folder
};
struct SegmentSinkConfig {
  std::string endpoint;
  Secret write_key;
  absl::Duration timeout;
  std::string ca_file;
};

struct ProductConfig {
  std::string id;
  std::string display_name;
  OidcSettings provider;
  RedirectConfig redirect;
  std::variant<NoApplicationsConfig, LocalApplicationsConfig> applications;
  std::variant<NoSinkConfig, FileSinkConfig, SegmentSinkConfig> sink;
};

struct FlowLimitsConfig {
  absl::Duration expiry;
  absl::Duration browser_wait;
  absl::Duration exchange;
  absl::Duration grace;
};

struct Config {
  std::vector<ProductConfig> products;  // at least one
  FlowLimitsConfig limits;
  absl::Duration retention;  // of finished flows
};

// INVALID_ARGUMENT with every problem, one a line: "FILE:LINE:COLUMN: ..." for what cannot be parsed, else the field's
// path
// ("products[0].provider.client_secret: ..."). No line repeats a secret. NOT_FOUND: there is no such file.
absl::StatusOr<Config> LoadConfig(const std::string& path);

// As LoadConfig. `name` stands for the file in messages; relative paths of files are relative to `folder`.
absl::StatusOr<Config> ParseConfig(std::string_view text, const std::string& name, const std::string& folder);

// A commented configuration of one product that LoadConfig accepts, given an acceptable issuer and client id.
std::string InitText(std::string_view issuer, std::string_view client_id);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_CONFIG_CONFIG_H_
