// What authflowd is asked to do, from its command line.
#ifndef AUTHFLOW_SERVER_PROCESS_OPTIONS_H_
#define AUTHFLOW_SERVER_PROCESS_OPTIONS_H_

#include <string>
#include <variant>

#include "absl/time/time.h"
#include "server/base/log/log.h"

namespace authflow {

enum class Verb {
  kServe,
  kDev,
  kCheck,
  kProbe,
  kInit,
  kFunnel,
  kTail,
  kFlowShow,
  kFlowList,
  kOutboxList,
  kOutboxRetry,
  kBackup,
  kRestore
};

struct Options {
  Verb verb = Verb::kServe;
  std::string config;
  std::string data;
  std::string key_file;  // empty: server.key in the data folder
  std::string listen = "127.0.0.1:7443";
  std::string http_listen = "127.0.0.1:7480";
  bool funnel_page = true;      // serve /funnel there
  std::string tls_certificate;  // names of files
  std::string tls_key;
  bool allow_plaintext = false;
  absl::Duration grace = absl::Seconds(10);
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kAuto;
  // init
  std::string issuer;
  std::string client_id;
  std::string output;  // empty: stdout
  // funnel, tail, flow, outbox, backup, restore
  absl::Duration since = absl::Hours(24);
  std::string flow_kind;  // as in events; empty: logins and sign-ups
  bool json = false;
  int64_t max_rows = 200'000;
  std::string flow_id;
  std::string user;      // of flow list; empty: any
  std::string outcome;   // of flow list: an outcome, "open", a reason or an error class; empty: any
  std::string product;   // empty: all
  int64_t event_id = 0;  // 0: all
  int limit = 100;
  std::string file;
};

// The options, or the code to exit with: 0 after --help and --version, 2 for a wrong command line (said on stderr).
std::variant<Options, int> ParseOptions(int argc, char** argv);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_OPTIONS_H_
