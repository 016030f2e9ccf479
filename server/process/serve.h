// From the ready line to an orderly end.
#ifndef AUTHFLOW_SERVER_PROCESS_SERVE_H_
#define AUTHFLOW_SERVER_PROCESS_SERVE_H_

#include <functional>

#include "absl/status/status.h"
#include "server/base/http/http_client.h"
#include "server/delivery/delivery.h"
#include "server/metrics/metrics.h"
#include "server/process/http_listener.h"
#include "server/process/options.h"
#include "server/process/timers.h"
#include "server/rpc/server.h"
#include "server/storage/storage.h"

namespace authflow {

// What main has picked. All of it outlives Serve.
struct Parts {
  World& world;
  Nursery& nursery;  // of the world's coroutines and the wire's
  Storage& storage;
  absl::Duration retention;  // of finished flows
  Metrics& metrics;
  Timers& timers;  // of the world
  HttpClient& http;
  HttpListener& http_listener;
  DeliveryLoop& delivery;
  // Answers of --dev's /dev/authorize; empty: there is no such page.
  std::function<absl::StatusOr<std::string>(const std::string& query)> dev_authorize;
};

// Serves until SIGTERM or SIGINT, then drains within options.grace: health says NOT_SERVING, watches end with
// `draining`, calls finish, no coroutine of a call is left, delivery settles what is in flight. When it returns nothing
// of the parts is in use. FAILED_PRECONDITION: the gRPC address or the certificate is no good; nothing was served.
absl::Status Serve(const Options& options, Parts parts);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_SERVE_H_
