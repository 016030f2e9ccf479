#include "server/base/http/curl_loop.h"

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "server/base/thread_name.h"

namespace authflow {
namespace {

// As many as a burst has. Not many more: once a second curl looks for dead ones, and starts over after each.
constexpr long kKeptConnections = 1024;

int64_t MonotonicMillis() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

// OpenSSL writes to sockets without MSG_NOSIGNAL, and signals of the process are for another thread.
void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

CurlLoop::CurlLoop()
    : multi_(curl_multi_init()), epoll_(epoll_create1(EPOLL_CLOEXEC)), wakeup_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (multi_ == nullptr || epoll_ < 0 || wakeup_ < 0) std::abort();  // out of descriptors before anything was served
  epoll_event event = {.events = EPOLLIN, .data = {.fd = wakeup_}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, wakeup_, &event);
  // Else curl keeps four times as many as there are requests at the moment: after a burst it closes, and with the next
  // one it connects again. Those that are closed, or were not used for two minutes, it drops when a request comes.
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kKeptConnections);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &OnSocket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &OnTimer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  thread_ = std::thread(&CurlLoop::Run, this);
}

CurlLoop::~CurlLoop() {
  Stop();
  curl_multi_cleanup(multi_);
  close(epoll_);
  close(wakeup_);
}

void CurlLoop::Add(std::shared_ptr<CurlTransfer> transfer) {
  bool stopping = false;
  bool first = false;
  {
    absl::MutexLock lock(&mutex_);
    stopping = stopping_;
    first = queued_.empty();
    if (!stopping) queued_.push_back(std::move(transfer));
  }
  if (stopping) return transfer->Abandon();
  if (first) eventfd_write(wakeup_, 1);
}

void CurlLoop::Stop() {
  if (!thread_.joinable()) return;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  eventfd_write(wakeup_, 1);
  thread_.join();
}

std::vector<std::shared_ptr<CurlTransfer>> CurlLoop::TakeQueued(bool& stopping) {
  absl::MutexLock lock(&mutex_);
  stopping = stopping_;
  return std::exchange(queued_, {});
}

void CurlLoop::Run() {
  const ThreadName name("http client");
  BlockSignals();
  bool stopping = false;
  while (!stopping) {
    WaitAndAct();
    for (auto& transfer : TakeQueued(stopping)) Begin(std::move(transfer));
    FinishThoseDone();
  }
  for (auto& [handle, transfer] : active_) {
    curl_multi_remove_handle(multi_, handle);
    transfer->Abandon();
  }
  active_.clear();
}

void CurlLoop::WaitAndAct() {
  epoll_event events[64];
  int wait = -1;
  if (timer_) wait = static_cast<int>(std::clamp<int64_t>(*timer_ - MonotonicMillis(), 0, 60000));
  const int count = epoll_wait(epoll_, events, 64, wait);
  int running = 0;
  for (int i = 0; i < count; ++i) {
    if (events[i].data.fd == wakeup_) {
      eventfd_t ignored;
      eventfd_read(wakeup_, &ignored);
      continue;
    }
    int what = 0;
    if (events[i].events & (EPOLLIN | EPOLLHUP)) what |= CURL_CSELECT_IN;
    if (events[i].events & EPOLLOUT) what |= CURL_CSELECT_OUT;
    if (events[i].events & EPOLLERR) what |= CURL_CSELECT_ERR;
    curl_multi_socket_action(multi_, events[i].data.fd, what, &running);
  }
  if (timer_ && *timer_ <= MonotonicMillis()) {
    timer_.reset();
    curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
  }
}

void CurlLoop::Begin(std::shared_ptr<CurlTransfer> transfer) {
  CURL* const handle = transfer->handle();
  if (curl_multi_add_handle(multi_, handle) != CURLM_OK) {
    transfer->Finish(CURLE_OUT_OF_MEMORY);
    return;
  }
  active_.emplace(handle, std::move(transfer));
}

void CurlLoop::FinishThoseDone() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* const handle = message->easy_handle;
    const CURLcode code = message->data.result;  // `message` does not survive the removal
    curl_multi_remove_handle(multi_, handle);
    auto node = active_.extract(handle);
    const Resumptions here(Resumptions::Where::kHere);
    node.mapped()->Finish(code);
  }
}

int CurlLoop::OnSocket(CURL*, curl_socket_t socket, int what, void* self, void* known) {
  const int epoll = static_cast<CurlLoop*>(self)->epoll_;
  epoll_event event = {};
  event.data.fd = socket;
  if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) event.events |= EPOLLIN;
  if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) event.events |= EPOLLOUT;
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nullptr);
  } else if (known != nullptr) {
    epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event);
  } else {
    epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
    curl_multi_assign(static_cast<CurlLoop*>(self)->multi_, socket, self);  // until it is removed
  }
  return 0;
}

int CurlLoop::OnTimer(CURLM*, long millis, void* self) {
  auto& timer = static_cast<CurlLoop*>(self)->timer_;
  timer.reset();
  if (millis >= 0) timer = MonotonicMillis() + millis;
  return 0;
}

}  // namespace authflow
