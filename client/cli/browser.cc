#include "client/cli/browser.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/basic_signal_set.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/cleanup/cleanup.h"
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

// Waits for the end of one child without holding a thread.
void WatchChild(std::shared_ptr<SignalSet> ended, pid_t pid, std::function<void()> failed) {
  ended->async_wait([ended, pid, failed = std::move(failed)](const boost::system::error_code& error, int) mutable {
    int status = 0;
    const pid_t found = waitpid(pid, &status, WNOHANG);
    if (found == 0 && !error) {
      WatchChild(std::move(ended), pid, std::move(failed));
    } else if (found == pid && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
      failed();
    }
  });
}

}  // namespace

std::vector<std::vector<std::string>> BrowserCommands(const std::string& browser_variable, const std::string& url) {
  std::vector<std::vector<std::string>> commands;
  for (const std::string& command :
       std::vector<std::string>(absl::StrSplit(browser_variable, ':', absl::SkipWhitespace()))) {
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
  if (commands.empty()) commands.push_back({"xdg-open", url});
  return commands;
}

bool OpenBrowser(Executor executor, const std::string& url, std::function<void()> failed) {
  const char* variable = std::getenv("BROWSER");
  // Before the program starts, or its end could be missed.
  auto ended = std::make_shared<SignalSet>(std::move(executor), SIGCHLD);
  for (auto& command : BrowserCommands(variable == nullptr ? "" : variable, url)) {
    const pid_t pid = Spawn(std::move(command));
    if (pid == 0) continue;
    WatchChild(std::move(ended), pid, std::move(failed));
    return true;
  }
  return false;
}

}  // namespace authflow
