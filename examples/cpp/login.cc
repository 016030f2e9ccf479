// A whole login against authflowd with the client library:
// AUTHFLOW_SERVER=host:port AUTHFLOW_PRODUCT=name login [--device]
//
// With --device it shows a code to type in anywhere (RFC 8628). The numbers D1..D20 are those of docs/client-guide.md;
// the library keeps D6 and D13. README.md says how to build it.
#include <fcntl.h>
#include <httplib.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "client/authflow_client.h"
#include "server/base/error_class.h"

namespace {

using authflow::CallOptions;
using authflow::ClassOf;
namespace v1 = authflow::v1;
using std::chrono::milliseconds;

constexpr CallOptions kShort = {.deadline = absl::Seconds(20), .retry_for = absl::Seconds(10)};  // D18
constexpr CallOptions kLong = {.deadline = absl::Seconds(150), .retry_for = absl::Seconds(20)};

std::string Environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

// Version 4.
std::string NewUuid() {
  std::random_device random;
  return absl::StrFormat("%08x-%04x-4%03x-%04x-%04x%08x", random(), random() & 0xffff, random() & 0xfff,
                         (random() & 0x3fff) | 0x8000, random() & 0xffff, random());
}

std::string PathOf(const std::string& name) {
  const std::string data = Environment("XDG_DATA_HOME", "");
  return (data.empty() ? Environment("HOME", "") + "/.local/share" : data) + "/authflow-cpp-example/" + name;
}

// Written beside its place with mode 0600, then moved there: never half a file.
bool Keep(const std::string& name, const std::string& text) {
  const std::string beside = absl::StrCat(PathOf(name), ".", getpid());
  std::error_code error;
  std::filesystem::create_directories(PathOf(""), error);
  const int file = open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  return close(file) == 0 && written && rename(beside.c_str(), PathOf(name).c_str()) == 0;
}

v1::Invocation NewInvocation() {
  v1::Invocation invocation;
  invocation.set_invocation_id(NewUuid());
  invocation.set_command("login");
  const std::string opted_out = Environment("DO_NOT_TRACK", "0");
  invocation.set_do_not_track(opted_out != "0" && opted_out != "false");
  if (invocation.do_not_track()) return invocation;
  std::string id;
  if (!(std::ifstream(PathOf("installation")) >> id)) Keep("installation", id = NewUuid());
  invocation.set_anonymous_id(id);
  return invocation;
}

// A redirect that arrived, and the page that the browser waits for.
struct Redirect {
  std::string query;
  std::promise<std::string> page;
  std::promise<void> sent;

  void Say(const std::string& text) {
    page.set_value(text);
    sent.get_future().wait_for(std::chrono::seconds(1));  // or it would be lost if we exit
  }
};

class Login {
 public:
  Login(std::shared_ptr<authflow::Client> client, std::string product, bool device)
      : client_(std::move(client)), product_(std::move(product)), device_(device) {}

  int Run() {
    const absl::Status status = Steps();
    Finish(status);
    if (status.ok()) {
      std::cout << "Signed in as " << signed_in_.identity().email() << "." << std::endl;
      return 0;
    }
    std::cerr << status.message() << std::endl;
    return absl::IsCancelled(status) ? 2 : 1;
  }

  void Interrupt() {
    std::lock_guard lock(mutex_);
    interrupted_ = true;
    changed_.notify_all();
  }

 private:
  // The answer, or CANCELLED `linger` after a signal.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Ask(authflow::Call (authflow::Client::*method)(Request, CallOptions,
                                                                          authflow::Answer<Response>),
                               Request request, CallOptions options, milliseconds linger = milliseconds(0)) {
    auto answer = std::make_shared<std::optional<absl::StatusOr<Response>>>();
    const authflow::Call call =
        (client_.get()->*method)(std::move(request), options, [this, answer](absl::StatusOr<Response> response) {
          std::lock_guard lock(mutex_);
          *answer = std::move(response);
          changed_.notify_all();
        });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answer->has_value() || interrupted_; });
    changed_.wait_for(lock, linger, [&] { return answer->has_value(); });
    if (answer->has_value()) return **answer;
    lock.unlock();
    call.Cancel();
    return absl::CancelledError("Cancelled.");
  }

  absl::Status Steps() {
    absl::Status status = Start();
    if (!status.ok()) return status;
    status = SignIn();
    if (!status.ok()) return status;
    status = Step(v1::STEP_PROFILE_CONFIGURE).status();  // D14
    if (!status.ok()) return status;
    const auto& tokens = signed_in_.tokens();
    if (Keep("tokens", absl::StrCat(tokens.access_token(), "\n", tokens.refresh_token(), "\n"))) return status;
    return authflow::Refusal(v1::ERROR_CLASS_CLIENT_PROFILE_WRITE, "You signed in, but it could not be kept.");
  }

  absl::Status Start() {
    absl::Status status = StartAt("127.0.0.1", 0, "/callback");
    if (ClassOf(status) != v1::ERROR_CLASS_REDIRECT_URI_NOT_ALLOWED) return status;
    const std::string listed = authflow::MetadataOf(status)["redirect_uris"];  // D4: http://host:port/path ...
    const std::string uri = listed.substr(7, listed.find(' ') - 7);
    const size_t colon = uri.rfind(':', uri.find('/'));
    return StartAt(uri.substr(0, colon), std::atoi(uri.c_str() + colon + 1), uri.substr(uri.find('/')));
  }

  absl::Status StartAt(const std::string& host, int port, const std::string& path) {
    v1::StartFlowRequest request;
    request.set_request_id(NewUuid());  // D2
    request.set_product(product_);
    request.set_kind(v1::FLOW_KIND_LOGIN);
    request.set_no_browser(device_);
    if (!device_) request.set_redirect_uri(absl::StrCat("http://", host, ":", Listen(host, port, path), path));
    *request.mutable_invocation() = NewInvocation();  // D3
    // Only with the token can the flow be ended: D16.
    const auto response = Ask(&authflow::Client::StartFlow, std::move(request), kShort, milliseconds(400));
    if (!response.ok()) return response.status();
    token_ = response->flow_token();
    v1::WatchFlowRequest watched;
    watched.set_flow_token(token_);
    const auto changed = [this](const v1::WatchFlowResponse& message) {
      std::lock_guard lock(mutex_);
      if (message.flow().has_outcome()) outcome_ = message.flow().outcome();
      changed_.notify_all();
    };
    watch_ = client_->WatchFlow(std::move(watched), changed, [](absl::Status) {});  // D5
    return absl::OkStatus();
  }

  // D1. The port.
  int Listen(const std::string& host, int port, const std::string& path) {
    httplib::Server& server = servers_.emplace_back();
    server.set_keep_alive_max_count(1);
    server.Get(".*", [this, path](const httplib::Request& request, httplib::Response& response) {
      auto redirect = std::make_shared<Redirect>();
      {
        std::lock_guard lock(mutex_);
        const bool ours = request.path == path && request.get_param_value_count("state") == 1 && !state_.empty() &&
                          request.get_param_value("state") == state_;
        if (!ours) {
          response.status = 404;  // D8
          return;
        }
        redirect->query = request.target.substr(request.target.find('?') + 1);
        redirects_.push_back(redirect);
        changed_.notify_all();
      }
      const std::string page = redirect->page.get_future().get();
      response.set_content_provider(
          page.size(), "text/plain; charset=utf-8",
          [page](size_t, size_t, httplib::DataSink& sink) { return sink.write(page.data(), page.size()); },
          [redirect](bool) { redirect->sent.set_value(); });
    });
    if (port == 0) {
      port = server.bind_to_any_port(host);
    } else {
      server.bind_to_port(host, port);
    }
    std::thread([&server] { server.listen_after_bind(); }).detach();
    return port;
  }

  absl::StatusOr<v1::RecordStepResponse> Step(v1::Step step) {
    v1::RecordStepRequest request;
    request.set_flow_token(token_);
    request.set_step(step);
    return Ask(&authflow::Client::RecordStep, std::move(request), kShort);
  }

  absl::Status SignIn() {
    for (int attempt = 1;; ++attempt) {
      const auto opened = Step(v1::STEP_BROWSER_WAIT);  // D7
      if (!opened.ok()) return opened.status();
      const absl::Status status = device_ ? UseCode() : UseBrowser(*opened);
      switch (ClassOf(status)) {
        case v1::ERROR_CLASS_CODE_REFUSED:
        case v1::ERROR_CLASS_CODE_USED:
        case v1::ERROR_CLASS_ANSWER_GONE:
          break;  // D12
        default:
          if (!authflow::IsNetworkError(status)) return status;
      }
      if (attempt == 3) return status;
    }
  }

  // A code that the person types in on any device.
  absl::Status UseCode() {
    v1::StartDeviceAuthorizationRequest start;
    start.set_flow_token(token_);
    const auto device = Ask(&authflow::Client::StartDeviceAuthorization, std::move(start), kShort);
    if (!device.ok()) return device.status();
    std::cout << "Open " << device->verification_uri()
              << " on any device, and type in this code: " << device->user_code() << std::endl;
    for (;;) {  // until the person has decided: D20
      const auto asked = std::chrono::steady_clock::now();
      v1::AwaitDeviceRequest request;
      request.set_flow_token(token_);
      request.set_device_code(device->device_code());
      const auto answer = Ask(&authflow::Client::AwaitDevice, std::move(request), kLong);
      if (!answer.ok()) return answer.status();
      if (!answer->pending()) {
        *signed_in_.mutable_tokens() = answer->tokens();
        *signed_in_.mutable_identity() = answer->identity();
        return absl::OkStatus();
      }
      std::unique_lock lock(mutex_);  // a server that stops holds no call
      changed_.wait_until(lock, asked + std::chrono::seconds(1), [this] { return interrupted_; });
    }
  }

  absl::Status UseBrowser(const v1::RecordStepResponse& opened) {
    {
      std::lock_guard lock(mutex_);
      state_ = opened.state();
    }
    std::cout << "Your browser opens. If it does not, open this address:\n\n"
              << opened.authorization_url() << "\n"
              << std::endl;
    OpenBrowser(opened.authorization_url());
    return ExchangeRedirect();
  }

  static void OpenBrowser(const std::string& url) {
    if (fork() != 0) return;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    const std::string browser = Environment("BROWSER", "xdg-open");
    execlp(browser.c_str(), browser.c_str(), url.c_str(), nullptr);
    _exit(127);
  }

  absl::Status ExchangeRedirect() {
    for (;;) {
      std::shared_ptr<Redirect> redirect;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !redirects_.empty() || outcome_ || interrupted_; });
        if (interrupted_) return absl::CancelledError("Cancelled.");
        if (outcome_) return absl::AbortedError("The server ended this sign-in.");  // D17
        redirect = redirects_.front();
        redirects_.pop_front();
      }
      v1::ExchangeCodeRequest request;
      request.set_flow_token(token_);
      request.set_redirect_query(redirect->query);  // D9
      auto response = Ask(&authflow::Client::ExchangeCode, std::move(request), kLong);
      redirect->Say(response.ok() ? "You are signed in. You can close this page."  // D10
                                  : "You are not signed in. Your terminal says more.");
      const auto error_class = ClassOf(response.status());
      if (error_class == v1::ERROR_CLASS_STATE_MISMATCH || error_class == v1::ERROR_CLASS_REDIRECT_MALFORMED) {
        continue;  // D11
      }
      if (response.ok()) signed_in_ = *std::move(response);
      return response.status();
    }
  }

  // The one place that ends the flow: D15.
  void Finish(const absl::Status& status) {
    {
      std::lock_guard lock(mutex_);
      if (token_.empty() || outcome_) return;
    }
    v1::FinishFlowRequest request;
    request.set_flow_token(token_);
    v1::Outcome& outcome = *request.mutable_outcome();
    if (status.ok()) {
      outcome.mutable_completed();
    } else if (absl::IsCancelled(status)) {
      outcome.mutable_aborted()->set_reason(v1::ABORT_REASON_USER_CANCELLED);
    } else {
      outcome.mutable_failed();  // without a class: the refusal that the server gave
      if (authflow::IsClientClass(ClassOf(status))) outcome.mutable_failed()->set_error_class(ClassOf(status));
      if (authflow::IsNetworkError(status)) {
        outcome.mutable_failed()->set_error_class(v1::ERROR_CLASS_CLIENT_NETWORK);
      }
    }
    // Lost: the watch breaks with us, and the server ends the flow.
    Ask(&authflow::Client::FinishFlow, std::move(request), kShort, milliseconds(500)).status().IgnoreError();
  }

  const std::shared_ptr<authflow::Client> client_;
  const std::string product_;
  const bool device_;
  std::deque<httplib::Server> servers_;
  std::string token_;
  std::unique_ptr<authflow::FlowWatch> watch_;
  v1::ExchangeCodeResponse signed_in_;

  std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  bool interrupted_ = false;
  std::string state_;
  std::deque<std::shared_ptr<Redirect>> redirects_;
  std::optional<v1::Outcome> outcome_;  // by the server's word
};

}  // namespace

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  for (int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before there are threads: all of them inherit it
  std::signal(SIGCHLD, SIG_IGN);
  auto client = authflow::Client::Create({.server = Environment("AUTHFLOW_SERVER", "127.0.0.1:7443")});
  if (!client.ok()) {
    std::cerr << client.status().message() << std::endl;
    return 1;
  }
  Login login(*std::move(client), Environment("AUTHFLOW_PRODUCT", "dev"),
              argc > 1 && std::string(argv[1]) == "--device");
  std::thread([&login, signals] {
    for (int number, count = 0; sigwait(&signals, &number) == 0;) {
      if (++count == 2) _exit(2);
      login.Interrupt();
    }
  }).detach();
  const int code = login.Run();
  _exit(code);  // not waiting for a browser, a page or a stream
}
