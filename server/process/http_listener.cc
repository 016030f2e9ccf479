#include "server/process/http_listener.h"

#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "server/base/text.h"
#include "server/base/thread_name.h"
#include "server/funnel/page.h"
#include "server/process/host_port.h"

namespace authflow {
namespace {

constexpr size_t kThreads = 4;
constexpr char kText[] = "text/plain; charset=utf-8";

class HttpListenerImpl final : public HttpListener {
 public:
  ~HttpListenerImpl() override { Stop(); }

  absl::Status Bind(const std::string& host_port) {
    std::optional<HostPort> at = ParseHostPort(host_port);
    if (!at) return absl::FailedPreconditionError(Cat("\"", host_port, "\" is not of the form HOST:PORT"));
    server_.new_task_queue = []() { return new httplib::ThreadPool(kThreads); };
    server_.set_keep_alive_max_count(1);  // stop() would wait for idle connections
    server_.set_payload_max_length(16 * 1024);
    server_.set_read_timeout(5, 0);
    // Not SO_REUSEPORT, httplib's default: two servers on one port would share it silently.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    bool bound = false;
    if (at->port == 0) {
      at->port = server_.bind_to_any_port(at->host.c_str());
      bound = at->port > 0;
    } else {
      bound = server_.bind_to_port(at->host.c_str(), at->port);
    }
    if (!bound) {
      return absl::FailedPreconditionError(
          Cat("cannot serve HTTP on ", host_port,
              ": another program has this port, or the address is not of this machine. --http-listen names another"));
    }
    address_ = at->ToString();
    return absl::OkStatus();
  }

  const std::string& address() const override { return address_; }

  void Start(HttpPages pages) override {
    pages_ = std::move(pages);
    server_.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(pages_.metrics(), "text/plain; version=0.0.4; charset=utf-8");
    });
    server_.Get("/healthz", [this](const httplib::Request&, httplib::Response& response) {
      const bool healthy = pages_.healthy();
      response.status = healthy ? 200 : 503;
      response.set_content(healthy ? "ok\n" : "stopping\n", kText);
    });
    if (pages_.funnel) {
      server_.Get("/funnel", [this](const httplib::Request& request, httplib::Response& response) {
        HttpPage page = pages_.funnel(request.get_param_value("window"), request.get_param_value("product"));
        response.status = page.status;
        if (page.status == 503) response.set_header("Retry-After", "1");
        response.set_header("Content-Security-Policy", PagePolicy());
        response.set_header("X-Content-Type-Options", "nosniff");
        response.set_header("Referrer-Policy", "no-referrer");
        response.set_header("Cache-Control", "no-store");
        response.set_content(page.html, "text/html; charset=utf-8");
      });
    }
    if (pages_.dev_authorize) {
      server_.Get("/dev/authorize", [this](const httplib::Request& request, httplib::Response& response) {
        Authorize(request, response);
      });
      // Where the device grant sends the person.
      server_.Get("/dev/device", [](const httplib::Request&, httplib::Response& response) {
        response.set_content("Nothing to do here: the provider of --dev takes each code for approved.\n", kText);
      });
    }
    thread_ = std::thread([this]() {
      const ThreadName name("http server");  // and of those that httplib starts
      server_.listen_after_bind();
      ended_ = true;
    });
    // httplib's stop() does nothing before it has begun to listen.
    while (!server_.is_running() && !ended_) std::this_thread::yield();
  }

  void Stop() override {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
  }

 private:
  void Authorize(const httplib::Request& request, httplib::Response& response) {
    const size_t mark = request.target.find('?');
    const std::string query = mark == std::string::npos ? "" : request.target.substr(mark + 1);
    const absl::StatusOr<std::string> next = pages_.dev_authorize(query);
    if (next.ok()) {
      response.set_redirect(*next, 302);
    } else {
      response.status = 400;
      response.set_content(Cat(ToStd(next.status().message()), "\n"), kText);
    }
  }

  httplib::Server server_;
  HttpPages pages_;
  std::string address_;
  std::thread thread_;
  std::atomic<bool> ended_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpListener>> ListenHttp(const std::string& host_port) {
  auto listener = std::make_unique<HttpListenerImpl>();
  if (absl::Status status = listener->Bind(host_port); !status.ok()) return status;
  return listener;
}

}  // namespace authflow
