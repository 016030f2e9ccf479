// For tests. AUTHFLOW_KILL_POINT=NAME:N ends the process when it comes to that point for the Nth time, after writing
// the name to the end of the file AUTHFLOW_KILL_POINT_FILE.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>

#include "server/base/kill_point.h"

namespace authflow {
namespace {

constexpr std::array<const char*, 5> kNames = {"before_commit", "after_commit", "after_provider_answer",
                                               "after_sink_answer", "while_draining"};

struct Armed {
  std::string name;  // empty: none
  std::string file;
  std::atomic<long> passes_left = 0;

  Armed() {
    const char* const point = std::getenv("AUTHFLOW_KILL_POINT");
    const char* const path = std::getenv("AUTHFLOW_KILL_POINT_FILE");
    if (point == nullptr || path == nullptr) return;
    name = point;
    file = path;
    const size_t colon = name.find(':');
    if (colon == name.npos) std::abort();
    passes_left = std::atol(name.c_str() + colon + 1);
    name.resize(colon);
  }
};

// A moment later: what was set going before (an answer on its way to a socket) gets where it goes, and what this thread
// would do next does not happen.
constexpr useconds_t kMoment = 10'000;

[[noreturn]] void Die(const Armed& armed) {
  usleep(kMoment);
  const std::string line = armed.name + "\n";
  const int file = open(armed.file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0 || write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
  raise(SIGKILL);
  std::abort();
}

}  // namespace

void KillPoint(KillPointName name) {
  static Armed armed;
  if (armed.name != kNames[static_cast<size_t>(name)]) return;
  if (--armed.passes_left == 0) Die(armed);
}

}  // namespace authflow
