#include "client/cli/browser.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/basic_signal_set.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

extern char** environ;

namespace authflow {
namespace {

using SignalSet = boost::asio::basic_signal_set<Executor>;

// 0: it could not be started.
pid_t Spawn(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  absl::Cleanup destroy = [&] {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  };
  for (int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    posix_spawn_file_actions_addopen(&files, file, "/dev/null", file == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
  }
  // What we ignore or catch is the program's own affair.
  sigset_t all;
  sigset_t none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  if (posix_spawnp(&pid, argv[0], &files, &attributes, argv.data(), environ) != 0) return 0;
  return pid;
}

// The programs that are left to try, and whom to tell when none is.
struct Attempts {
  Attempts(Executor executor, std::vector<std::vector<std::string>> programs, std::function<void()> tell)
      : commands(std::move(programs)), failed(std::move(tell)), ended(std::move(executor), SIGCHLD) {}
  const std::vector<std::vector<std::string>> commands;
  size_t next = 0;
  const std::function<void()> failed;
  SignalSet ended;  // since before a program starts, or its end could be missed
};

bool StartNext(std::shared_ptr<Attempts> attempts);

// Waits for the end of one child without holding a thread.
void WatchChild(std::shared_ptr<Attempts> attempts, pid_t pid) {
  attempts->ended.async_wait([attempts, pid](const boost::system::error_code& error, int) {
    int status = 0;
    const pid_t found = waitpid(pid, &status, WNOHANG);
    if (found == 0 && !error) {
      WatchChild(attempts, pid);
    } else if (found == pid && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
      if (!StartNext(attempts)) attempts->failed();
    }
  });
}

// False: none is left that can be started.
bool StartNext(std::shared_ptr<Attempts> attempts) {
  while (attempts->next < attempts->commands.size()) {
    const pid_t pid = Spawn(attempts->commands[attempts->next++]);
    if (pid == 0) continue;
    WatchChild(std::move(attempts), pid);
    return true;
  }
  return false;
}

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Inside quotes that end at the next "'" (or what PowerShell takes for one, which is not ASCII).
std::string QuotedForPowerShell(const std::string& url) {
  std::string quoted = "'";
  for (const char c : url) {
    if (c > 0x20 && c < 0x7f && c != '\'') {
      quoted += c;
    } else {
      quoted += absl::StrFormat("%%%02X", static_cast<unsigned char>(c));
    }
  }
  return quoted + "'";
}

}  // namespace

BrowserPlace BrowserPlace::Here() {
  BrowserPlace place{.browser = Variable("BROWSER")};
  std::ifstream file("/proc/version");
  std::string version;
  std::getline(file, version);
  place.wsl = !Variable("WSL_DISTRO_NAME").empty() || absl::StrContains(absl::AsciiStrToLower(version), "microsoft");
  const bool ssh = !Variable("SSH_CONNECTION").empty() || !Variable("SSH_TTY").empty();
  place.remote = ssh && Variable("DISPLAY").empty() && Variable("WAYLAND_DISPLAY").empty();
  return place;
}

std::vector<std::vector<std::string>> BrowserCommands(const BrowserPlace& place, const std::string& url) {
  std::vector<std::vector<std::string>> commands;
  for (const std::string& command :
       std::vector<std::string>(absl::StrSplit(place.browser, ':', absl::SkipWhitespace()))) {
    std::vector<std::string> arguments;
    if (access(command.c_str(), X_OK) == 0) {
      arguments = {command};  // a path, which may have spaces
    } else {
      arguments = absl::StrSplit(command, ' ', absl::SkipEmpty());
    }
    bool placed = false;
    for (size_t i = 1; i < arguments.size(); ++i) {
      placed = placed || arguments[i].find("%s") != std::string::npos;
      arguments[i] = absl::StrReplaceAll(arguments[i], {{"%s", url}});
    }
    if (!placed) arguments.push_back(url);
    commands.push_back(std::move(arguments));
  }
  if (!commands.empty()) return commands;
  if (place.wsl) {
    const std::string start = "Start-Process " + QuotedForPowerShell(url);
    commands.push_back({"wslview", url});
    for (const char* shell : {"powershell.exe", "/mnt/c/Windows/System32/WindowsPowerShell/v1.0/powershell.exe"}) {
      commands.push_back({shell, "-NoProfile", "-NonInteractive", "-Command", start});
    }
  }
  if (!place.remote) commands.push_back({"xdg-open", url});
  return commands;
}

bool OpenBrowser(Executor executor, const BrowserPlace& place, const std::string& url, std::function<void()> failed) {
  auto attempts = std::make_shared<Attempts>(std::move(executor), BrowserCommands(place, url), std::move(failed));
  return StartNext(std::move(attempts));
}

}  // namespace authflow
