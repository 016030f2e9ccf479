#include "client/cli/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace authflow {
namespace {

// How long after an ESC the rest of a key's sequence may come; terminals send it at once.
constexpr std::chrono::milliseconds kEscapeWait(50);

// What Restore needs; written before `changed` is.
termios found;
std::atomic<int> changed_terminal{-1};

winsize SizeOf(int file) {
  winsize size = {};
  if (ioctl(file, TIOCGWINSZ, &size) != 0) size = {};
  return size;
}

bool Is(const char* variable, std::string_view value) {
  const char* text = std::getenv(variable);
  return text != nullptr && text == value;
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
    : input_(executor, file),
      escape_timer_(std::move(executor)),
      plain_(Is("TERM", "dumb") || Is("TERM", "") || std::getenv("TERM") == nullptr || Is("AUTHFLOW_ACCESSIBLE", "1")) {
}

Terminal::~Terminal() { Restore(); }

Terminal::Raw::Raw(Terminal& terminal) : terminal_(terminal) {
  if (terminal_.raw_depth_++ > 0) return;
  const int file = terminal_.input_.native_handle();
  if (tcgetattr(file, &found) != 0) return;
  changed_terminal = file;
  termios raw = found;
  raw.c_lflag &= ~(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  // Stopping in the middle of a prompt would leave the shell with a terminal in this state.
  raw.c_cc[VSUSP] = _POSIX_VDISABLE;
  tcsetattr(file, TCSANOW, &raw);
}

Terminal::Raw::~Raw() {
  if (--terminal_.raw_depth_ == 0) Restore();
}

void Terminal::Restore() {
  const int file = changed_terminal.exchange(-1);
  if (file >= 0) tcsetattr(file, TCSANOW, &found);
}

Task<Key> Terminal::ReadKey() {
  for (;;) {
    if (interrupted_) co_return Key{Key::kInterrupted};
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
    } else if (error && !interrupted_) {
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

int Terminal::width() const {
  const int columns = SizeOf(STDERR_FILENO).ws_col;
  return columns > 0 ? columns : 80;
}

int Terminal::height() const {
  const int rows = SizeOf(STDERR_FILENO).ws_row;
  return rows > 0 ? rows : 24;
}

}  // namespace authflow
