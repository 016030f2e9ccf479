// The HTTP side of the server: /metrics and /healthz for machines, /funnel for people, and /dev/ with --dev.
#ifndef AUTHFLOW_SERVER_PROCESS_HTTP_LISTENER_H_
#define AUTHFLOW_SERVER_PROCESS_HTTP_LISTENER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace authflow {

struct HttpPage {
  int status = 200;
  std::string html;
};

// What it serves. Each is called on one of the listener's few threads.
struct HttpPages {
  std::function<std::string()> metrics;  // Prometheus' text format
  std::function<bool()> healthy;
  // Takes the parameters `window` and `product`, empty when they are not given. Empty: there is no such page.
  std::function<HttpPage(const std::string& window, const std::string& product)> funnel;
  // Takes the query, returns where the browser goes, or INVALID_ARGUMENT. Empty: there is nothing below /dev/.
  std::function<absl::StatusOr<std::string>(const std::string& query)> dev_authorize;
};

class HttpListener {
 public:
  virtual ~HttpListener() = default;
  // HOST and the real port.
  virtual const std::string& address() const = 0;
  // Once.
  virtual void Start(HttpPages pages) = 0;
  // Ends what is being served, then returns. The destructor does it as well.
  virtual void Stop() = 0;
};

// Listens on HOST:PORT (port 0: any), but answers only after Start. FAILED_PRECONDITION: it cannot.
absl::StatusOr<std::unique_ptr<HttpListener>> ListenHttp(const std::string& host_port);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_HTTP_LISTENER_H_
