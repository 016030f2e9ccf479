#include "server/base/log/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "server/base/thread_name.h"

namespace authflow {
namespace {

constexpr size_t kWaiting = 8192;

struct State {
  std::atomic<LogLevel> at_least = LogLevel::kWarning;
  std::atomic<LogFormat> format = LogFormat::kText;
  absl::Mutex mutex;
  std::shared_ptr<spdlog::details::thread_pool> pool ABSL_GUARDED_BY(mutex);
  std::shared_ptr<spdlog::logger> logger ABSL_GUARDED_BY(mutex);
};

// Never destroyed: threads may log while the process ends.
State& Global() {
  static State* const state = new State;
  return *state;
}

spdlog::sink_ptr Stderr() {
  static const spdlog::sink_ptr sink = [] {
    auto made = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    made->set_pattern("%v");
    return made;
  }();
  return sink;
}

std::shared_ptr<spdlog::logger> Current() {
  State& state = Global();
  absl::MutexLock lock(&state.mutex);
  if (state.logger == nullptr) state.logger = std::make_shared<spdlog::logger>("authflow", Stderr());
  return state.logger;
}

}  // namespace

void StartLog(LogFormat format, LogLevel at_least) {
  if (format == LogFormat::kAuto) format = isatty(STDERR_FILENO) ? LogFormat::kText : LogFormat::kJson;
  State& state = Global();
  state.format = format;
  state.at_least = at_least;
  absl::MutexLock lock(&state.mutex);
  const ThreadName name("log");
  state.pool = std::make_shared<spdlog::details::thread_pool>(kWaiting, 1);
  state.logger = std::make_shared<spdlog::async_logger>("authflow", Stderr(), state.pool,
                                                        spdlog::async_overflow_policy::overrun_oldest);
}

void StopLog() {
  State& state = Global();
  std::shared_ptr<spdlog::details::thread_pool> pool;
  {
    absl::MutexLock lock(&state.mutex);
    state.logger = std::make_shared<spdlog::logger>("authflow", Stderr());
    pool = std::move(state.pool);
  }
  pool.reset();  // writes what waits, and joins
  Stderr()->flush();
}

bool IsLogged(LogLevel level) { return level >= Global().at_least.load(std::memory_order_relaxed); }

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!IsLogged(level)) return;
  // The log's own time: no Clock of a test or a rule reaches down here.
  const std::string line = FormatLogLine(Global().format, absl::Now(), level, event, fields);
  const spdlog::string_view_t text(line.data(), line.size());
  Current()->log(spdlog::level::critical, text);  // levels were decided above
}

}  // namespace authflow
