// The log of the server: one line an event, with fields; text on a terminal, JSON otherwise.
//
//   Log(LogLevel::kInfo, "flow finished", {{"flow_id", id.ToString()}, {"outcome", "aborted"}, {"latency_ms", 3}});
//
// The event is a fixed sentence of ours, what varies goes into fields. Nothing secret goes anywhere: no token, code,
// state, verifier, client secret, request_id or e-mail. (A Secret does not convert to a field.)
#ifndef AUTHFLOW_SERVER_BASE_LOG_LOG_H_
#define AUTHFLOW_SERVER_BASE_LOG_LOG_H_

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "absl/time/time.h"

namespace authflow {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// "debug", "info", "warning", "error"; nullopt for anything else.
std::optional<LogLevel> ParseLogLevel(std::string_view name);

enum class LogFormat {
  kAuto,  // text when stderr is a terminal, else JSON
  kText,  // 2026-11-24T13:36:00.123Z INFO  flow finished flow_id=... latency_ms=3
  kJson,  // {"time":"2026-11-24T13:36:00.123Z","level":"info","event":"flow finished","flow_id":"...","latency_ms":3}
};

// "auto", "text", "json"; nullopt for anything else.
std::optional<LogFormat> ParseLogFormat(std::string_view name);

// Text, a whole number, a fraction, or a truth value. Text that is no UTF-8, and control characters, are escaped.
class LogValue {
 public:
  LogValue(std::string_view text) : value_(std::string(text)) {}  // NOLINT: implicit, so that fields read well
  LogValue(const std::string& text) : value_(text) {}             // NOLINT
  LogValue(const char* text) : value_(std::string(text)) {}       // NOLINT
  LogValue(bool truth) : value_(truth) {}                         // NOLINT
  template <std::integral Number>
  requires(!std::same_as<Number, bool>) LogValue(Number number) : value_(static_cast<int64_t>(number)) {}  // NOLINT
  LogValue(double number) : value_(number) {}                                                              // NOLINT

  const std::variant<std::string, int64_t, double, bool>& get() const { return value_; }

 private:
  std::variant<std::string, int64_t, double, bool> value_;
};

struct LogField {
  std::string_view name;  // a fixed name of ours, [a-z_]
  LogValue value;
};

// One line without its end, as it is written. Pure.
std::string FormatLogLine(LogFormat format, absl::Time time, LogLevel level, std::string_view event,
                          std::initializer_list<LogField> fields);

// Starts the log to stderr. Lines are written by a thread of its own; when 8192 are waiting the oldest is dropped, so
// that logging never blocks the caller. Call once, early in main; before that, and in tests, lines below kWarning go
// nowhere and others are written at once.
void StartLog(LogFormat format, LogLevel at_least);

// Writes out what waits and ends the thread. Lines after that are written at once. Call at the end of main.
void StopLog();

// Cheap: ask before fields that cost.
bool IsLogged(LogLevel level);

// Thread-safe; does nothing when the level is not logged.
void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_LOG_LOG_H_
