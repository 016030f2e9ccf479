#include <curl/curl.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/base/http/curl_loop.h"
#include "server/base/http/curl_transfer.h"
#include "server/base/http/http_client.h"

namespace authflow {
namespace {

// curl does not read HTTP_PROXY in upper case, because a CGI program gets request headers under such names. We are
// none.
std::string HttpProxyOfEnvironment() {
  const char* upper = std::getenv("HTTP_PROXY");
  return upper == nullptr || std::getenv("http_proxy") != nullptr ? "" : upper;
}

class CurlHttpClient final : public HttpClient {
 public:
  explicit CurlHttpClient(int loops) : http_proxy_(HttpProxyOfEnvironment()) {
    static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (initialised != CURLE_OK) std::abort();
    for (int i = 0; i < loops; ++i) loops_.push_back(std::make_unique<CurlLoop>());
  }
  // All loops, before any is destroyed: what goes on with an answer of one may send to another.
  ~CurlHttpClient() override { Stop(); }

  Task<absl::StatusOr<HttpResponse>> Send(HttpRequest request) override {
    auto transfer = std::make_shared<CurlTransfer>(std::move(request), http_proxy_, handles_);
    if (!transfer->status().ok()) co_return transfer->status();
    CurlLoop* loop = loops_[next_++ % loops_.size()].get();
    auto start = [transfer, loop](Done<CurlTransfer::Result> done) {
      transfer->set_done(std::move(done));
      loop->Add(transfer);
    };
    co_return co_await Await<CurlTransfer::Result>(std::move(start));
  }

  void Stop() override {
    for (const auto& loop : loops_) loop->Stop();
  }

 private:
  const std::string http_proxy_;
  const std::shared_ptr<CurlHandles> handles_ = std::make_shared<CurlHandles>();
  std::vector<std::unique_ptr<CurlLoop>> loops_;
  std::atomic<size_t> next_ = 0;
};

}  // namespace

std::unique_ptr<HttpClient> NewCurlHttpClient(int loops) { return std::make_unique<CurlHttpClient>(loops); }

}  // namespace authflow
