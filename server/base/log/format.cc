#include <cmath>
#include <nlohmann/json.hpp>

#include "server/base/log/log.h"
#include "server/base/text.h"

namespace authflow {
namespace {

constexpr std::string_view kLevels[] = {"debug", "info", "warning", "error"};
constexpr std::string_view kPaddedLevels[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};
constexpr std::string_view kFormats[] = {"auto", "text", "json"};

// With its quotes; bytes that are no UTF-8 become U+FFFD.
std::string JsonText(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// U+007F to U+009F steer terminals as well, and JSON leaves them as they are.
std::string WithoutTerminalControls(const std::string& json) {
  std::string safe;
  for (size_t i = 0; i < json.size(); ++i) {
    const auto byte = static_cast<unsigned char>(json[i]);
    const auto next = i + 1 < json.size() ? static_cast<unsigned char>(json[i + 1]) : 0;
    if (byte == 0x7f) {
      safe += "\\u007f";
    } else if (byte == 0xc2 && next >= 0x80 && next <= 0x9f) {
      safe += Cat("\\u00", absl::Hex(next, absl::kZeroPad2));
      ++i;
    } else {
      safe += json[i];
    }
  }
  return safe;
}

std::string Quoted(std::string_view text) { return WithoutTerminalControls(JsonText(text)); }

bool IsPlain(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '=') return false;
  }
  return !text.empty();
}

std::string Number(double number) { return std::isfinite(number) ? Cat(number) : "null"; }

std::string Written(const LogValue& value, bool quote_plain) {
  if (const auto* text = std::get_if<std::string>(&value.get())) {
    return !quote_plain && IsPlain(*text) ? *text : Quoted(*text);
  }
  if (const auto* number = std::get_if<int64_t>(&value.get())) return Cat(*number);
  if (const auto* number = std::get_if<double>(&value.get())) return Number(*number);
  return std::get<bool>(value.get()) ? "true" : "false";
}

template <typename Enum, size_t count>
std::optional<Enum> Find(const std::string_view (&names)[count], std::string_view name) {
  for (size_t i = 0; i < count; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::optional<LogLevel> ParseLogLevel(std::string_view name) { return Find<LogLevel>(kLevels, name); }
std::optional<LogFormat> ParseLogFormat(std::string_view name) { return Find<LogFormat>(kFormats, name); }

std::string FormatLogLine(LogFormat format, absl::Time time, LogLevel level, std::string_view event,
                          std::initializer_list<LogField> fields) {
  const std::string when = absl::FormatTime("%Y-%m-%d%ET%H:%M:%E3SZ", time, absl::UTCTimeZone());
  const auto index = static_cast<size_t>(level);
  std::string line;
  if (format == LogFormat::kJson) {
    line = Cat("{\"time\":\"", when, "\",\"level\":\"", kLevels[index], "\",\"event\":", Quoted(event));
    for (const LogField& field : fields) {
      absl::StrAppend(&line, ",", Quoted(field.name), ":", Written(field.value, true));
    }
    return line + "}";
  }
  const std::string words = Quoted(event);
  line = Cat(when, " ", kPaddedLevels[index], " ", std::string_view(words).substr(1, words.size() - 2));
  for (const LogField& field : fields) {
    absl::StrAppend(&line, " ", ToAbsl(field.name), "=", Written(field.value, false));
  }
  return line;
}

}  // namespace authflow
