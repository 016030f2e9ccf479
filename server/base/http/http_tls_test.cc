// TLS and proxies: what needs certificates or the environment.
#include <gtest/gtest.h>
#include <httplib.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <thread>

#include "server/base/http/http_client.h"
#include "server/base/http/raw_server.h"
#include "tests/support/run_task.h"

namespace authflow {
namespace {

struct Free {
  void operator()(X509* x) const { X509_free(x); }
  void operator()(EVP_PKEY* x) const { EVP_PKEY_free(x); }
};

struct Certificate {
  std::unique_ptr<X509, Free> x509;
  std::unique_ptr<EVP_PKEY, Free> key;
};

void Extend(X509* x509, X509* issuer, int what, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, x509, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value);
  X509_add_ext(x509, extension, -1);
  X509_EXTENSION_free(extension);
}

// Self-signed, an authority, when `issuer` is null; else for the alternative name given.
Certificate Make(const char* name, const Certificate* issuer, const char* alternative) {
  Certificate made;
  made.key.reset(EVP_EC_gen("P-256"));
  made.x509.reset(X509_new());
  X509* x509 = made.x509.get();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), issuer == nullptr ? 1 : 2);
  X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
  X509_set_pubkey(x509, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  const Certificate& signer = issuer == nullptr ? made : *issuer;
  X509_set_issuer_name(x509, X509_get_subject_name(signer.x509.get()));
  Extend(x509, signer.x509.get(), NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (alternative != nullptr) Extend(x509, signer.x509.get(), NID_subject_alt_name, alternative);
  X509_sign(x509, signer.key.get(), EVP_sha256());
  return made;
}

std::string WritePem(const Certificate& certificate, const std::string& name) {
  const std::string path = testing::TempDir() + "/" + name;
  FILE* file = fopen(path.c_str(), "w");
  PEM_write_X509(file, certificate.x509.get());
  fclose(file);
  return path;
}

class TlsServer {
 public:
  explicit TlsServer(const Certificate& certificate) : server_(certificate.x509.get(), certificate.key.get()) {
    server_.set_keep_alive_max_count(1);
    server_.Get("/",
                [](const httplib::Request&, httplib::Response& response) { response.set_content("ok", "text/plain"); });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~TlsServer() {
    server_.stop();
    thread_.join();
  }
  int port() const { return port_; }

 private:
  httplib::SSLServer server_;
  int port_;
  std::thread thread_;
};

class HttpTlsTest : public testing::Test {
 protected:
  HttpTlsTest()
      : authority_(Make("Test authority", nullptr, nullptr)),
        other_authority_(Make("Another authority", nullptr, nullptr)),
        good_(Make("server", &authority_, "IP:127.0.0.1,DNS:idp.test")),
        misnamed_(Make("server", &authority_, "DNS:somebody.test")),
        ca_file_(WritePem(authority_, "ca.pem")),
        other_ca_file_(WritePem(other_authority_, "other_ca.pem")) {}

  absl::StatusOr<HttpResponse> Get(const std::string& url, const std::string& ca_file) {
    HttpRequest request;
    request.url = url;
    request.ca_file = ca_file;
    return Wait(client_->Send(std::move(request)));
  }
  static std::string Url(int port) { return "https://127.0.0.1:" + std::to_string(port) + "/"; }

  const Certificate authority_, other_authority_, good_, misnamed_;
  const std::string ca_file_, other_ca_file_;
  std::unique_ptr<HttpClient> client_ = NewCurlHttpClient(1);
};

TEST_F(HttpTlsTest, ACertificateOfTheGivenAuthorityIsAccepted) {
  const TlsServer server(good_);
  const auto response = Get(Url(server.port()), ca_file_);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body.Reveal(), "ok");
}

TEST_F(HttpTlsTest, AnyOtherCertificateIsRefused) {
  const TlsServer server(good_);
  const TlsServer misnamed(misnamed_);
  ASSERT_TRUE(Get(Url(server.port()), ca_file_).ok());
  // A kept connection that was verified against one authority does not serve a request that trusts another.
  for (const std::string& ca_file : {other_ca_file_, std::string()}) {
    const absl::Status status = Get(Url(server.port()), ca_file).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_NE(std::string(status.message()).find("certificate"), std::string::npos) << status;
  }
  EXPECT_EQ(Get(Url(misnamed.port()), ca_file_).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Get(Url(server.port()), "/absent/ca.pem").status().code(), absl::StatusCode::kUnavailable);
}

class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }
  ~Environment() { unsetenv(name_); }

 private:
  const char* const name_;
};

std::string FirstLine(const std::string& request) { return request.substr(0, request.find("\r\n")); }

TEST_F(HttpTlsTest, HttpsGoesThroughTheProxyOfTheEnvironment) {
  const TlsServer server(good_);
  std::atomic<int> tunnels = 0;
  const RawServer proxy([&](RawConnection& connection) {
    if (FirstLine(connection.ReadRequest()) != "CONNECT idp.test:443 HTTP/1.1") return;
    ++tunnels;
    connection.Write("HTTP/1.1 200 OK\r\nX-Proxy: 1\r\n\r\n");
    connection.Relay(server.port());
  });
  const Environment environment("HTTPS_PROXY", proxy.Url(""));
  const auto response = Get("https://idp.test/", ca_file_);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body.Reveal(), "ok");
  EXPECT_EQ(response->Header("x-proxy"), "");
  EXPECT_EQ(tunnels, 1);
}

TEST_F(HttpTlsTest, HttpGoesThroughTheProxyInEitherCase) {
  const RawServer proxy([](RawConnection& connection) {
    const std::string line = FirstLine(connection.ReadRequest());
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(line.size()) + "\r\n\r\n" + line);
  });
  for (const char* name : {"HTTP_PROXY", "http_proxy"}) {
    const Environment environment(name, proxy.Url(""));
    client_ = NewCurlHttpClient(1);
    const auto response = Get("http://idp.test/path", "");
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->body.Reveal(), "GET http://idp.test/path HTTP/1.1");
  }
}

TEST_F(HttpTlsTest, NoProxyExcludesAHost) {
  const RawServer proxy([](RawConnection&) {});
  const RawServer server([](RawConnection& connection) {
    connection.ReadRequest();
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  const Environment environment("HTTP_PROXY", proxy.Url(""));
  const Environment exception("NO_PROXY", "127.0.0.1");
  client_ = NewCurlHttpClient(1);
  EXPECT_TRUE(Get(server.Url("/"), "").ok());
  EXPECT_EQ(proxy.connections(), 0);
}

}  // namespace
}  // namespace authflow
