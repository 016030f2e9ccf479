// HTTP out of the server: libcurl behind a narrow interface.
#ifndef AUTHFLOW_SERVER_BASE_HTTP_HTTP_CLIENT_H_
#define AUTHFLOW_SERVER_BASE_HTTP_HTTP_CLIENT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/secret.h"
#include "server/base/task.h"

namespace authflow {

struct HttpRequest {
  std::string method = "GET";  // GET or POST
  std::string url;             // http or https
  std::vector<std::pair<std::string, std::string>> headers;
  Secret authorization;  // the whole value of the Authorization header; empty: none
  Secret body;
  absl::Duration timeout = absl::Seconds(10);  // of the whole exchange
  size_t max_response_bytes = 1 << 20;
  std::string ca_file;  // PEM; empty: the system's
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  Secret body;

  // The first header of that name (lower case), or "".
  std::string_view Header(std::string_view name) const;
};

// Thread-safe. A status of any number is a value; only a broken wire is an error:
// UNAVAILABLE (no connection, TLS refused, reset), DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED (response larger than
// allowed), INVALID_ARGUMENT (no http URL, a control character in a header). Messages name scheme, host and cause,
// never path, query, headers or body. Redirects are not followed. HTTPS_PROXY, HTTP_PROXY and NO_PROXY are honoured,
// also in lower case. A POST reaches the server at most once, also when a kept connection breaks; a GET may be sent
// again then. Certificates are always verified, from TLS 1.2 on.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // An eager coroutine (base/executor.h) may go on on a thread of the client: it must not block.
  virtual Task<absl::StatusOr<HttpResponse>> Send(HttpRequest request) = 0;
  // Who waits now, and who comes later, gets UNAVAILABLE. Blocks, but not for long; not for a coroutine.
  virtual void Stop() {}
};

// `loops` curl multi loops, each on a thread of its own, with kept connections. The destructor stops it.
std::unique_ptr<HttpClient> NewCurlHttpClient(int loops = 2);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_HTTP_HTTP_CLIENT_H_
