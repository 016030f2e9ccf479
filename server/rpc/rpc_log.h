// The log of calls: failures, slow ones and a sample of the rest.
#ifndef AUTHFLOW_SERVER_RPC_RPC_LOG_H_
#define AUTHFLOW_SERVER_RPC_RPC_LOG_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/log/log.h"
#include "server/rpc/observer.h"

namespace authflow {

// Slower than this is told; streams are not calls that anybody waits for.
inline constexpr absl::Duration kSlowRpc = absl::Seconds(1);
// One in so many of the others is told as well.
inline constexpr uint64_t kRpcSample = 100;
// At most so many lines a second (those of kDebug are not counted): a server that refuses a flood must not fill the
// disk with saying so.
inline constexpr uint64_t kRpcLines = 200;

// Where a call belongs: kError for what should not happen (INTERNAL, UNKNOWN, DATA_LOSS), kWarning for a store that
// cannot be had, kInfo for other refusals, slow calls and the sample, kDebug for the rest. `nth` counts the calls.
// Pure.
LogLevel LevelOf(const RpcRecord& record, uint64_t nth);

// Thread-safe.
class LineLimit {
 public:
  explicit LineLimit(uint64_t most) : most_(most) {}
  // nullopt: one more than the second may have. Else write it; so many were left out before.
  std::optional<uint64_t> Take(int64_t second);

 private:
  const uint64_t most_;
  absl::Mutex mutex_;
  int64_t second_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t left_out_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Writes the log, then passes everything on to `next`, which outlives it.
class LoggingRpcObserver final : public RpcObserver {
 public:
  explicit LoggingRpcObserver(RpcObserver& next) : next_(next) {}
  void OnRpcStarted(size_t method) override { next_.OnRpcStarted(method); }
  void OnRpcHandled(const RpcRecord& record) override;

 private:
  RpcObserver& next_;
  std::atomic<uint64_t> count_ = 0;
  LineLimit limit_{kRpcLines};
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_RPC_LOG_H_
