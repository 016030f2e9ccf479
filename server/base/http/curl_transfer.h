// One request on its way through curl.
#ifndef AUTHFLOW_SERVER_BASE_HTTP_CURL_TRANSFER_H_
#define AUTHFLOW_SERVER_BASE_HTTP_CURL_TRANSFER_H_

#include <curl/curl.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/http/curl_handles.h"
#include "server/base/http/http_client.h"
#include "server/base/task.h"

namespace authflow {

// Made by a caller's thread, then used by one loop's thread alone.
class CurlTransfer {
 public:
  using Result = absl::StatusOr<HttpResponse>;

  // `http_proxy` is the proxy for http URLs that curl does not find by itself, or empty.
  CurlTransfer(HttpRequest request, const std::string& http_proxy, std::shared_ptr<CurlHandles> handles);
  ~CurlTransfer();
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  // Not OK: the request cannot be sent, nothing else may be called.
  const absl::Status& status() const { return status_; }
  CURL* handle() const { return handle_; }
  void set_done(Done<Result> done) { done_ = std::move(done); }

  // Calls back, once.
  void Finish(CURLcode code);
  void Abandon();

 private:
  absl::Status Prepare(const std::string& http_proxy);
  absl::Status CheckUrl();
  absl::Status AddHeader(const std::string& name, const std::string& value);
  absl::Status Error(CURLcode code) const;

  static int OnSend(void* self, char*, char*, int, int);
  static size_t OnWrite(char* data, size_t size, size_t count, void* self);
  static size_t OnHeader(char* data, size_t size, size_t count, void* self);

  HttpRequest request_;
  std::string origin_;  // scheme, host and port: what a message may name
  absl::Status status_;
  const std::shared_ptr<CurlHandles> handles_;
  CURL* handle_ = nullptr;
  curl_slist* headers_ = nullptr;
  char cause_[CURL_ERROR_SIZE] = {};
  bool sent_ = false;
  bool too_large_ = false;
  size_t header_bytes_ = 0;
  HttpResponse response_;
  std::string body_;
  Done<Result> done_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_HTTP_CURL_TRANSFER_H_
