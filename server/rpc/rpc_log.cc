#include "server/rpc/rpc_log.h"

#include <chrono>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "server/base/text.h"
#include "server/events/event.h"

namespace authflow {

LogLevel LevelOf(const RpcRecord& record, uint64_t nth) {
  const bool store = record.reason == v1::ERROR_CLASS_STORE_UNAVAILABLE || record.reason == v1::ERROR_CLASS_STORE_FULL;
  if (store) return LogLevel::kWarning;
  switch (record.code) {
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDataLoss:
      return LogLevel::kError;
    case absl::StatusCode::kOk:
    case absl::StatusCode::kCancelled:  // the caller's choice; how each watch ends that is not waited out
      break;
    default:
      return LogLevel::kInfo;
  }
  if (!kRpcMethods[record.method].streams && record.latency > kSlowRpc) return LogLevel::kInfo;
  return nth % kRpcSample == 0 ? LogLevel::kInfo : LogLevel::kDebug;
}

std::optional<uint64_t> LineLimit::Take(int64_t second) {
  absl::MutexLock lock(&mutex_);
  if (second != second_) {
    second_ = second;
    taken_ = 0;
  }
  if (taken_ == most_) {
    ++left_out_;
    return std::nullopt;
  }
  ++taken_;
  return std::exchange(left_out_, 0);
}

void LoggingRpcObserver::OnRpcHandled(const RpcRecord& record) {
  next_.OnRpcHandled(record);
  const LogLevel level = LevelOf(record, count_.fetch_add(1, std::memory_order_relaxed));
  if (!IsLogged(level)) return;
  if (level != LogLevel::kDebug) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const auto left_out = limit_.Take(std::chrono::duration_cast<std::chrono::seconds>(now).count());
    if (!left_out) return;
    if (*left_out > 0) Log(LogLevel::kWarning, "rpc_lines_left_out", {{"count", static_cast<int64_t>(*left_out)}});
  }
  const RpcMethod& method = kRpcMethods[record.method];
  const bool refused = record.reason != v1::ERROR_CLASS_UNSPECIFIED;
  Log(level, "rpc",
      {{"method", Cat(method.service, "/", method.name)},
       {"code", absl::StatusCodeToString(record.code)},
       {"reason", refused ? NameOf(record.reason) : std::string_view()},
       {"message", record.message},
       {"flow_id", record.flow_id ? record.flow_id->ToString() : std::string()},
       {"step", StepName(record.step)},
       {"trace_id", record.trace_id},
       {"latency_ms", absl::ToDoubleMilliseconds(record.latency)}});
}

}  // namespace authflow
