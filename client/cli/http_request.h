// The head of an HTTP request that a browser sends to the loopback listener (RFC 9112). Pure.
#ifndef AUTHFLOW_CLIENT_CLI_HTTP_REQUEST_H_
#define AUTHFLOW_CLIENT_CLI_HTTP_REQUEST_H_

#include <optional>
#include <string>
#include <string_view>

namespace authflow {

struct HttpRequest {
  std::string method;
  std::string path;   // before "?"
  std::string query;  // after "?"
  std::string host;   // the Host field, lower case
};

// `head` ends with its empty line. nullopt: no HTTP/1 request in origin form with exactly one Host.
std::optional<HttpRequest> ParseHttpRequest(std::string_view head);

// The value of `name` in application/x-www-form-urlencoded text; nullopt if it is absent, there twice, or not well
// encoded.
std::optional<std::string> QueryValue(std::string_view query, std::string_view name);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_HTTP_REQUEST_H_
