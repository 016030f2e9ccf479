// Logins through the C++ client library, many at a time, until the process is killed: library_client SERVER PRODUCT
// JOURNAL THREADS. What is asked for and told goes into the journal, in the form of journal.py. The browser is one GET
// to a provider that approves at once.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "client/authflow_client.h"
#include "server/base/random.h"
#include "server/base/uuid.h"

namespace authflow {
namespace {

using nlohmann::json;

// Thread-safe.
class Journal {
 public:
  explicit Journal(const char* path) : file_(open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
    if (file_ < 0) std::abort();
  }
  void Ask(const char* what, json fields) { Write(what, std::move(fields)); }
  // On the disk when it returns.
  void Told(const char* what, json fields) {
    Write(what, std::move(fields));
    if (fdatasync(file_) != 0) std::abort();
  }

 private:
  void Write(const char* what, json fields) {
    fields["at"] = absl::ToUnixMillis(absl::Now()) / 1000.0;
    fields["what"] = what;
    const std::string line = fields.dump() + "\n";
    std::lock_guard lock(mutex_);
    if (write(file_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
  }

  const int file_;
  std::mutex mutex_;
};

std::string Word(const std::string& name, const char* prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(name, prefix));
}

std::string StepWord(v1::Step step) { return step == v1::STEP_UNSPECIFIED ? "" : Word(v1::Step_Name(step), "STEP_"); }

std::string OutcomeWords(const v1::Outcome& outcome) {
  if (outcome.has_completed()) return "completed";
  if (outcome.has_aborted()) {
    return absl::StrCat("aborted ", Word(v1::AbortReason_Name(outcome.aborted().reason()), "ABORT_REASON_"));
  }
  return absl::StrCat("failed ", std::string(NameOf(outcome.failed().error_class())));
}

// Up to a mean of `mean`, mostly less.
void Dawdle(absl::Duration mean) { absl::SleepFor(mean * 2 * RandomFraction() * RandomFraction()); }

std::string NewId() { return RandomUuid(absl::Now()).ToString(); }

// The query of the redirect that http://127.0.0.1:PORT/... answers with; empty when the provider has a bad moment.
std::string Browse(const std::string& url) {
  constexpr char kHost[] = "http://127.0.0.1:";
  const size_t slash = url.find('/', sizeof(kHost));
  if (!url.starts_with(kHost) || slash == url.npos) return "";
  const int port = std::atoi(url.c_str() + sizeof(kHost) - 1);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{.tv_sec = 5, .tv_usec = 0};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  std::string answer;
  const std::string request = absl::StrCat("GET ", url.substr(slash), " HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
  if (connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
      send(connection, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    char buffer[4096];
    for (ssize_t n; (n = recv(connection, buffer, sizeof(buffer), 0)) > 0;) answer.append(buffer, n);
  }
  close(connection);
  const size_t location = absl::AsciiStrToLower(answer).find("\r\nlocation: ");
  if (location == answer.npos) return "";
  const size_t question = answer.find('?', location);
  const size_t end = answer.find("\r\n", location + 2);
  return question < end ? answer.substr(question + 1, end - question - 1) : "";
}

class Login {
 public:
  Login(Client& client, Journal& journal, std::string product)
      : client_(client), journal_(journal), product_(std::move(product)) {}

  void Run() {
    v1::Outcome outcome;
    if (!Start()) return;
    if (Steps()) {
      outcome.mutable_completed();
    } else if (walks_away_) {
      return;
    } else {
      outcome.mutable_failed();
    }
    if (cancels_) outcome.mutable_aborted()->set_reason(v1::ABORT_REASON_USER_CANCELLED);
    Finish(outcome);
  }

 private:
  bool Start() {
    v1::StartFlowRequest request;
    request.set_request_id(NewId());
    request.set_product(product_);
    request.set_kind(v1::FLOW_KIND_LOGIN);
    request.set_redirect_uri("http://127.0.0.1:45678/callback");
    auto& invocation = *request.mutable_invocation();
    invocation.set_invocation_id(NewId());
    invocation.set_anonymous_id(NewId());
    invocation.set_command("tool auth login");
    json about = {{"invocation", invocation.invocation_id()},
                  {"anonymous", invocation.anonymous_id()},
                  {"claimed", ""},
                  {"product", product_},
                  {"kind", "login"},
                  {"tracked", true}};
    journal_.Ask("ask_start", about);
    const auto started = Wait(client_, &Client::StartFlow, std::move(request));
    if (!started.ok()) return false;
    flow_ = started->flow().flow_id();
    token_ = started->flow_token();
    about["flow"] = flow_;
    about["start"] = static_cast<double>(started->flow().start_time().seconds());
    journal_.Told("started", about);
    v1::WatchFlowRequest watch;
    watch.set_flow_token(token_);
    watch_ = client_.WatchFlow(
        std::move(watch),
        [this](const v1::WatchFlowResponse& message) {
          if (!message.flow().has_outcome()) return;
          journal_.Told("outcome",
                        {{"flow", flow_}, {"outcome", OutcomeWords(message.flow().outcome())}, {"by", "watch"}});
          over_ = true;
        },
        [](const absl::Status&) {});
    return true;
  }

  // True: there is nothing left but to say so.
  bool Steps() {
    std::string url;
    if (!Enter(v1::STEP_BROWSER_WAIT, &url)) return false;
    for (int attempt = 1; attempt <= 3 && !url.empty(); ++attempt) {
      Dawdle(RandomFraction() < 0.1 ? absl::Seconds(6) : absl::Milliseconds(300));
      if (StopsHere()) return false;
      const absl::Status exchanged = Exchange(Browse(url));
      if (exchanged.ok()) break;
      const ErrorClass error_class = ClassOf(exchanged);
      const bool again = error_class == v1::ERROR_CLASS_CODE_REFUSED || error_class == v1::ERROR_CLASS_CODE_USED ||
                         error_class == v1::ERROR_CLASS_ANSWER_GONE || IsNetworkError(exchanged);
      if (!again || attempt == 3 || !Enter(v1::STEP_BROWSER_WAIT, &url)) return false;
    }
    if (StopsHere()) return false;
    return Enter(v1::STEP_PROFILE_CONFIGURE, nullptr) && !StopsHere();
  }

  bool StopsHere() {
    const double dice = RandomFraction();
    walks_away_ = dice < 0.03;
    cancels_ = dice > 0.97;
    return walks_away_ || cancels_ || over_;
  }

  bool Enter(v1::Step step, std::string* url) {
    journal_.Ask("ask_step", {{"flow", flow_}, {"step", StepWord(step)}});
    v1::RecordStepRequest request;
    request.set_flow_token(token_);
    request.set_step(step);
    const auto entered = Wait(client_, &Client::RecordStep, std::move(request));
    if (!entered.ok()) return false;
    // The library does not say how many tries it took.
    journal_.Told("step", {{"flow", flow_},
                           {"asked", StepWord(step)},
                           {"tries", 2},
                           {"step", StepWord(entered->flow().step())},
                           {"attempt", entered->flow().attempt()}});
    if (url != nullptr) *url = entered->authorization_url();
    return true;
  }

  absl::Status Exchange(const std::string& query) {
    journal_.Ask("ask_exchange", {{"flow", flow_}});
    v1::ExchangeCodeRequest request;
    request.set_flow_token(token_);
    request.set_redirect_query(query);
    const auto exchanged = Wait(client_, &Client::ExchangeCode, std::move(request), {.deadline = absl::Seconds(20)});
    if (exchanged.ok()) {
      journal_.Told("exchanged", {{"flow", flow_}, {"user", exchanged->identity().user_id()}, {"tries", 2}});
    }
    return exchanged.status();
  }

  void Finish(const v1::Outcome& outcome) {
    journal_.Ask("ask_finish", {{"flow", flow_}, {"outcome", OutcomeWords(outcome)}});
    v1::FinishFlowRequest request;
    request.set_flow_token(token_);
    *request.mutable_outcome() = outcome;
    const auto finished = Wait(client_, &Client::FinishFlow, std::move(request), {.deadline = absl::Seconds(20)});
    if (!finished.ok()) return;
    const auto& flow = finished->flow();
    journal_.Told("outcome", {{"flow", flow_},
                              {"outcome", OutcomeWords(flow.outcome())},
                              {"by", "finish"},
                              {"step", StepWord(flow.step())},
                              {"attempt", flow.attempt()}});
  }

  Client& client_;
  Journal& journal_;
  const std::string product_;
  std::string flow_;
  std::string token_;
  std::atomic<bool> over_ = false;
  bool walks_away_ = false;
  bool cancels_ = false;
  std::unique_ptr<FlowWatch> watch_;  // its callbacks use the members above
};

int Main(int argc, char** argv) {
  if (argc != 5) return 2;
  const auto client = Client::Create(ClientOptions{.server = argv[1], .ca_file = "", .user_agent = "chaos/1"});
  if (!client.ok()) return 2;
  Journal journal(argv[3]);
  std::vector<std::thread> threads;
  for (int i = 0; i < std::atoi(argv[4]); ++i) {
    threads.emplace_back([&] {
      for (;;) Login(**client, journal, argv[2]).Run();
    });
  }
  for (auto& thread : threads) thread.join();
  return 0;
}

}  // namespace
}  // namespace authflow

int main(int argc, char** argv) { return authflow::Main(argc, argv); }
