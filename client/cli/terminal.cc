#include "client/cli/terminal.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string_view>
#include <utility>

namespace authflow {
namespace {

// How long after an ESC the rest of a key's sequence may come; terminals send it at once.
constexpr std::chrono::milliseconds kEscapeWait(50);

// What Restore needs; written before `changed` is.
termios found;
std::atomic<int> changed_terminal{-1};

// What ends a process without its destructors. SIGTERM and its like are Interrupt's.
constexpr int kFatalSignals[] = {SIGQUIT, SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV};

void OnFatalSignal(int signal) {
  Terminal::Restore();
  raise(signal);  // by now it has its default action
}

// Where nobody else (a sanitizer) has done so.
void CatchFatalSignals() {
  for (const int signal : kFatalSignals) {
    struct sigaction now = {};
    if (sigaction(signal, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) continue;
    struct sigaction ours = {};
    ours.sa_handler = OnFatalSignal;
    ours.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    sigaction(signal, &ours, nullptr);
  }
}

}  // namespace

std::shared_ptr<Terminal> Terminal::Open(Executor executor) {
  if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) return nullptr;
  // In the background, reading or changing the terminal would stop us.
  if (tcgetpgrp(STDIN_FILENO) != getpgrp()) return nullptr;
  // A description of our own: its O_NONBLOCK must not reach the shell that shares ours.
  const char* name = ttyname(STDIN_FILENO);
  const int file = name == nullptr ? -1 : open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return nullptr;
  return std::shared_ptr<Terminal>(new Terminal(std::move(executor), file));
}

Terminal::Terminal(Executor executor, int file)
    : signals_(executor), input_(executor, file), escape_timer_(std::move(executor)) {}

Terminal::~Terminal() { Restore(); }

Terminal::Raw::Raw(Terminal& terminal) : terminal_(terminal) {
  if (terminal_.raw_depth_++ > 0) return;
  CatchFatalSignals();
  terminal_.signals_.add(SIGTSTP);
  terminal_.signals_.add(SIGWINCH);
  terminal_.AwaitSignals();
  terminal_.MakeRaw();
}

Terminal::Raw::~Raw() {
  if (--terminal_.raw_depth_ > 0) return;
  Restore();
  terminal_.signals_.clear();
  terminal_.signals_.cancel();
}

void Terminal::MakeRaw() {
  const int file = input_.native_handle();
  if (tcgetattr(file, &found) != 0) return;
  changed_terminal = file;
  termios raw = found;
  raw.c_lflag &= ~(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  tcsetattr(file, TCSANOW, &raw);
}

void Terminal::Restore() {
  const int file = changed_terminal.exchange(-1);
  if (file >= 0) tcsetattr(file, TCSANOW, &found);
}

void Terminal::AwaitSignals() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error || raw_depth_ == 0) return;
    if (signal == SIGTSTP) Stop();
    (signal == SIGTSTP ? resumed_ : resized_) = true;
    input_.cancel();
    AwaitSignals();
  });
}

// Ctrl-Z, as if we had no handler: the shell finds the terminal as it was.
void Terminal::Stop() {
  Restore();
  struct sigaction ours = {};
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  sigaction(SIGTSTP, &standard, &ours);
  raise(SIGTSTP);
  // Here somebody has said "fg", or "bg": then this stops us again until we are in the foreground.
  sigaction(SIGTSTP, &ours, nullptr);
  MakeRaw();
}

Task<Key> Terminal::ReadKey() {
  for (;;) {
    if (interrupted_) co_return Key{Key::kInterrupted};
    if (std::exchange(resumed_, false)) co_return Key{Key::kResumed};
    if (std::exchange(resized_, false)) co_return Key{Key::kResized};
    if (auto key = decoder_.Next(false)) co_return *key;
    // Shared: a timer that has fired may call when this read is long over.
    struct Pause {
      bool over = false;
      bool reading = true;
    };
    auto pause = std::make_shared<Pause>();
    if (decoder_.pending()) {
      escape_timer_.expires_after(kEscapeWait);
      escape_timer_.async_wait([this, pause](const boost::system::error_code& error) {
        if (error || !pause->reading) return;
        pause->over = true;
        input_.cancel();
      });
    }
    std::array<char, 4096> bytes;
    const auto [error, count] = co_await input_.async_read_some(
        boost::asio::buffer(bytes), boost::asio::as_tuple(boost::asio::use_awaitable_t<Executor>()));
    pause->reading = false;
    escape_timer_.cancel();
    decoder_.Feed({bytes.data(), count});
    if (pause->over) {
      if (auto key = decoder_.Next(true)) co_return *key;
    } else if (error && !interrupted_ && !resized_ && !resumed_) {
      co_return Key{Key::kCancel};
    }
  }
}

void Terminal::Interrupt() {
  interrupted_ = true;
  input_.cancel();
}

void Terminal::Write(const std::string& text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t n = write(STDERR_FILENO, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;
    rest.remove_prefix(n);
  }
}

}  // namespace authflow
