#include "server/base/http/curl_transfer.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "server/base/text.h"

namespace authflow {
namespace {

constexpr size_t kMaxHeaderBytes = 64 * 1024;

struct UrlFree {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string Part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
  std::string copy(text);
  curl_free(text);
  return copy;
}

// Printable ASCII as it is, all else in hexadecimal: a certificate's names are somebody else's words.
std::string Harmless(std::string_view words) {
  std::string text;
  for (const char c : words) {
    const bool plain = absl::ascii_isprint(static_cast<unsigned char>(c));
    text += plain ? std::string(1, c) : absl::CHexEscape(std::string(1, c));
  }
  return text;
}

// Appends without leaving a copy behind when the buffer grows.
void Append(std::string& buffer, std::string_view data) {
  if (buffer.size() + data.size() > buffer.capacity()) {
    std::string larger;
    larger.reserve(std::max(2 * buffer.capacity(), buffer.size() + data.size()));
    larger.append(buffer);
    const Secret wiped(std::move(buffer));
    buffer = std::move(larger);
  }
  buffer.append(data);
}

}  // namespace

CurlTransfer::CurlTransfer(HttpRequest request, const std::string& http_proxy, std::shared_ptr<CurlHandles> handles)
    : request_(std::move(request)), handles_(std::move(handles)) {
  status_ = Prepare(http_proxy);
}

CurlTransfer::~CurlTransfer() {
  if (handle_ != nullptr) handles_->Give(handle_);
  for (curl_slist* header = headers_; header != nullptr; header = header->next) {
    OPENSSL_cleanse(header->data, std::strlen(header->data));
  }
  curl_slist_free_all(headers_);
  const Secret wiped(std::move(body_));
}

absl::Status CurlTransfer::CheckUrl() {
  const std::unique_ptr<CURLU, UrlFree> url(curl_url());
  if (url == nullptr || curl_url_set(url.get(), CURLUPART_URL, request_.url.c_str(), 0) != CURLUE_OK) {
    return absl::InvalidArgumentError("not a URL");
  }
  const std::string scheme = Part(url.get(), CURLUPART_SCHEME);
  const std::string port = Part(url.get(), CURLUPART_PORT);
  if (scheme != "http" && scheme != "https") return absl::InvalidArgumentError("not an http or https URL");
  origin_ = Cat(scheme, "://", Part(url.get(), CURLUPART_HOST), port.empty() ? "" : ":", port);
  return absl::OkStatus();
}

absl::Status CurlTransfer::AddHeader(const std::string& name, const std::string& value) {
  for (const char c : Cat(name, value)) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c)) && c != '\t') {
      return absl::InvalidArgumentError(Cat("a control character in a header for ", origin_));
    }
  }
  // ";" is curl's way to say that the value is empty.
  const Secret line(value.empty() ? name + ";" : Cat(name, ": ", value));
  headers_ = curl_slist_append(headers_, line.Reveal().c_str());
  return absl::OkStatus();
}

absl::Status CurlTransfer::Prepare(const std::string& http_proxy) {
  if (absl::Status url = CheckUrl(); !url.ok()) return url;
  const bool post = request_.method == "POST";
  if (!post && request_.method != "GET") return absl::InvalidArgumentError("a method other than GET and POST");
  if (request_.timeout <= absl::ZeroDuration()) {
    return absl::DeadlineExceededError(Cat(origin_, ": no time was left"));
  }
  for (const auto& [name, value] : request_.headers) {
    if (absl::Status added = AddHeader(name, value); !added.ok()) return added;
  }
  if (!request_.authorization.empty()) {
    if (absl::Status added = AddHeader("Authorization", request_.authorization.Reveal()); !added.ok()) return added;
  }
  handle_ = handles_->Take();
  if (handle_ == nullptr) return absl::UnavailableError("no memory for a request");

  curl_easy_setopt(handle_, CURLOPT_PRIVATE, this);
  curl_easy_setopt(handle_, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle_, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle_, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle_, CURLOPT_QUICK_EXIT, 1L);  // a slow name server must not hold the loop
  curl_easy_setopt(handle_, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(handle_, CURLOPT_USERAGENT, "authflow");
  curl_easy_setopt(handle_, CURLOPT_BUFFERSIZE, 8192L);  // more than most answers have; else 16 KB
  curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, cause_);
  const auto millis = absl::ToInt64Milliseconds(std::min(request_.timeout, absl::Hours(24)));
  curl_easy_setopt(handle_, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<int64_t>(millis, 1)));

  curl_easy_setopt(handle_, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(handle_, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(handle_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(handle_, CURLOPT_CA_CACHE_TIMEOUT, 60L);
  if (!request_.ca_file.empty()) {
    curl_easy_setopt(handle_, CURLOPT_CAINFO, request_.ca_file.c_str());
    curl_easy_setopt(handle_, CURLOPT_CAPATH, nullptr);  // these authorities alone
  }
  curl_easy_setopt(handle_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (!http_proxy.empty() && origin_.rfind("http://", 0) == 0) {
    curl_easy_setopt(handle_, CURLOPT_PROXY, http_proxy.c_str());
  }

  if (post) {
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.Reveal().size()));
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, request_.body.Reveal().data());  // not copied
    // curl sends again by itself what a broken kept connection may have delivered. A code or a refresh token is never
    // posted twice: the second time is broken off.
    curl_easy_setopt(handle_, CURLOPT_PREREQFUNCTION, &OnSend);
    curl_easy_setopt(handle_, CURLOPT_PREREQDATA, this);
    headers_ = curl_slist_append(headers_, "Expect:");
  }
  curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers_);
  curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, &OnWrite);
  curl_easy_setopt(handle_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(handle_, CURLOPT_HEADERFUNCTION, &OnHeader);
  curl_easy_setopt(handle_, CURLOPT_HEADERDATA, this);
  return absl::OkStatus();
}

// There is a connection, and the request is about to be sent on it.
int CurlTransfer::OnSend(void* self, char*, char*, int, int) {
  const bool again = std::exchange(static_cast<CurlTransfer*>(self)->sent_, true);
  return again ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

size_t CurlTransfer::OnWrite(char* data, size_t size, size_t count, void* self) {
  auto* transfer = static_cast<CurlTransfer*>(self);
  const size_t bytes = size * count;
  if (transfer->body_.size() + bytes > transfer->request_.max_response_bytes) {
    transfer->too_large_ = true;
    return 0;
  }
  Append(transfer->body_, {data, bytes});
  return bytes;
}

size_t CurlTransfer::OnHeader(char* data, size_t size, size_t count, void* self) {
  auto* transfer = static_cast<CurlTransfer*>(self);
  const size_t bytes = size * count;
  transfer->header_bytes_ += bytes;
  if (transfer->header_bytes_ > kMaxHeaderBytes) {
    transfer->too_large_ = true;
    return 0;
  }
  const absl::string_view line = absl::StripAsciiWhitespace(absl::string_view(data, bytes));
  auto& headers = transfer->response_.headers;
  const size_t colon = line.find(':');
  if (ToStd(line).starts_with("HTTP/")) {
    headers.clear();  // those of a 1xx answer before this one
  } else if (colon != absl::string_view::npos) {
    headers.emplace_back(absl::AsciiStrToLower(line.substr(0, colon)),
                         std::string(absl::StripAsciiWhitespace(line.substr(colon + 1))));
  }
  return bytes;
}

absl::Status CurlTransfer::Error(CURLcode code) const {
  std::string cause = curl_easy_strerror(code);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return absl::DeadlineExceededError(Cat(origin_, ": no answer within ", absl::FormatDuration(request_.timeout)));
    case CURLE_URL_MALFORMAT:
      return absl::InvalidArgumentError("not an http or https URL");
    case CURLE_ABORTED_BY_CALLBACK:
      return absl::UnavailableError(Cat(origin_, ": the connection broke"));
    case CURLE_UNSUPPORTED_PROTOCOL:  // curl takes what is no HTTP/1 for HTTP/0.9
      return absl::UnavailableError(Cat(origin_, ": the answer is no HTTP"));
    // These alone have words of their own that cannot hold a path or a header.
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CONNECT_ERROR:
      if (cause_[0] != '\0') cause = Harmless(std::string_view(cause_).substr(0, 200));
      break;
    default:
      break;
  }
  return absl::UnavailableError(Cat(origin_, ": ", cause));
}

void CurlTransfer::Finish(CURLcode code) {
  const Done<Result> done = std::exchange(done_, nullptr);
  if (too_large_) {
    done(absl::ResourceExhaustedError(Cat(origin_, ": the answer is larger than allowed")));
    return;
  }
  if (code != CURLE_OK) {
    done(Error(code));
    return;
  }
  long status = 0;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  response_.body = Secret(std::move(body_));
  done(std::move(response_));
}

void CurlTransfer::Abandon() {
  const Done<Result> done = std::exchange(done_, nullptr);
  done(absl::UnavailableError(Cat(origin_, ": this server is stopping")));
}

}  // namespace authflow
