// Tells ThreadSanitizer about Abseil's locks. Debian's Abseil is not instrumented,
// so that the order which a Mutex or a Notification creates between threads would
// not be seen, and each access under one be reported. The functions here stand in
// front of the library's own (a program's definitions come before those of the
// libraries that it loads), call these, and annotate, as Abseil does when it is
// built with ThreadSanitizer.
#include <sanitizer/tsan_interface.h>

#include <type_traits>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "third_party/tsan/next.h"

// The name of the inline namespace stands in the mangled names.
#define AUTHFLOW_TSAN_STRING(x) #x
#define AUTHFLOW_TSAN_EXPANDED(x) AUTHFLOW_TSAN_STRING(x)
#define AUTHFLOW_TSAN_ABSL "_ZN4absl7" AUTHFLOW_TSAN_EXPANDED(ABSL_OPTION_INLINE_NAMESPACE_NAME)
#define AUTHFLOW_TSAN_ABSL_CONST "_ZNK4absl7" AUTHFLOW_TSAN_EXPANDED(ABSL_OPTION_INLINE_NAMESPACE_NAME)
static_assert(sizeof(AUTHFLOW_TSAN_EXPANDED(ABSL_OPTION_INLINE_NAMESPACE_NAME)) == 7 + 1);

namespace {

using authflow::tsan::Next;

// A Mutex may have a constant initializer: the annotation comes with its first use.
constexpr unsigned kExclusive = __tsan_mutex_linker_init;
constexpr unsigned kShared = __tsan_mutex_linker_init | __tsan_mutex_read_lock;

// The library calls its own public functions: only the outermost call annotates.
thread_local int depth = 0;

template <typename Before, typename Call, typename After>
auto Annotated(Before before, Call call, After after) {
  if (depth > 0) return call();
  before();
  ++depth;
  if constexpr (std::is_void_v<decltype(call())>) {
    call();
    --depth;
    after();
  } else {
    const auto result = call();
    --depth;
    after();
    return result;
  }
}

// Takes the mutex in `call`.
template <typename Call>
auto Taking(void* mutex, unsigned flags, Call call) {
  return Annotated([&] { __tsan_mutex_pre_lock(mutex, flags); }, call,
                   [&] { __tsan_mutex_post_lock(mutex, flags, 0); });
}

// Gives the mutex up in `call`, which evaluates the conditions of those who wait, under
// the lock still: TSan looks away until the end.
template <typename Call>
auto Giving(void* mutex, unsigned flags, Call call) {
  return Annotated([&] { __tsan_mutex_pre_unlock(mutex, flags); }, call,
                   [&] { __tsan_mutex_post_unlock(mutex, flags); });
}

// Gives the mutex up, waits in `call`, and has it again.
template <typename Call>
auto Resting(void* mutex, Call call) {
  const auto before = [&] {
    __tsan_mutex_pre_unlock(mutex, 0);
    __tsan_mutex_post_unlock(mutex, 0);
    __tsan_mutex_pre_lock(mutex, kExclusive);
  };
  return Annotated(before, call, [&] { __tsan_mutex_post_lock(mutex, kExclusive, 0); });
}

}  // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

Mutex::~Mutex() {
  static auto* const next = Next<void(Mutex*)>(AUTHFLOW_TSAN_ABSL "5MutexD1Ev");
  next(this);
  __tsan_mutex_destroy(this, __tsan_mutex_not_static);
}

void Mutex::Lock() {
  static auto* const next = Next<void(Mutex*)>(AUTHFLOW_TSAN_ABSL "5Mutex4LockEv");
  Taking(this, kExclusive, [&] { next(this); });
}

void Mutex::LockWhen(const Condition& condition) {
  static auto* const next =
      Next<void(Mutex*, const Condition&)>(AUTHFLOW_TSAN_ABSL "5Mutex8LockWhenERKNS0_9ConditionE");
  Taking(this, kExclusive, [&] { next(this, condition); });
}

bool Mutex::LockWhenWithTimeout(const Condition& condition, Duration timeout) {
  static auto* const next = Next<bool(Mutex*, const Condition&, Duration)>(
      AUTHFLOW_TSAN_ABSL "5Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  return Taking(this, kExclusive, [&] { return next(this, condition, timeout); });
}

bool Mutex::LockWhenWithDeadline(const Condition& condition, Time deadline) {
  static auto* const next = Next<bool(Mutex*, const Condition&, Time)>(
      AUTHFLOW_TSAN_ABSL "5Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  return Taking(this, kExclusive, [&] { return next(this, condition, deadline); });
}

void Mutex::Unlock() {
  static auto* const next = Next<void(Mutex*)>(AUTHFLOW_TSAN_ABSL "5Mutex6UnlockEv");
  Giving(this, 0, [&] { next(this); });
}

bool Mutex::TryLock() {
  static auto* const next = Next<bool(Mutex*)>(AUTHFLOW_TSAN_ABSL "5Mutex7TryLockEv");
  constexpr unsigned kTry = kExclusive | __tsan_mutex_try_lock;
  bool locked = false;
  return Annotated([&] { __tsan_mutex_pre_lock(this, kTry); }, [&] { return locked = next(this); },
                   [&] { __tsan_mutex_post_lock(this, locked ? kTry : kTry | __tsan_mutex_try_lock_failed, 0); });
}

void Mutex::ReaderLock() {
  static auto* const next = Next<void(Mutex*)>(AUTHFLOW_TSAN_ABSL "5Mutex10ReaderLockEv");
  Taking(this, kShared, [&] { next(this); });
}

void Mutex::ReaderUnlock() {
  static auto* const next = Next<void(Mutex*)>(AUTHFLOW_TSAN_ABSL "5Mutex12ReaderUnlockEv");
  Giving(this, __tsan_mutex_read_lock, [&] { next(this); });
}

void Mutex::Await(const Condition& condition) {
  static auto* const next = Next<void(Mutex*, const Condition&)>(AUTHFLOW_TSAN_ABSL "5Mutex5AwaitERKNS0_9ConditionE");
  Resting(this, [&] { next(this, condition); });
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  static auto* const next = Next<bool(Mutex*, const Condition&, Duration)>(
      AUTHFLOW_TSAN_ABSL "5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  return Resting(this, [&] { return next(this, condition, timeout); });
}

void CondVar::Wait(Mutex* mutex) {
  static auto* const next = Next<void(CondVar*, Mutex*)>(AUTHFLOW_TSAN_ABSL "7CondVar4WaitEPNS0_5MutexE");
  Resting(mutex, [&] { next(this, mutex); });
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  static auto* const next =
      Next<bool(CondVar*, Mutex*, Duration)>(AUTHFLOW_TSAN_ABSL "7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE");
  return Resting(mutex, [&] { return next(this, mutex, timeout); });
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  static auto* const next =
      Next<bool(CondVar*, Mutex*, Time)>(AUTHFLOW_TSAN_ABSL "7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
  return Resting(mutex, [&] { return next(this, mutex, deadline); });
}

void Notification::Notify() {
  static auto* const next = Next<void(Notification*)>(AUTHFLOW_TSAN_ABSL "12Notification6NotifyEv");
  __tsan_release(this);
  next(this);
}

void Notification::WaitForNotification() const {
  static auto* const next =
      Next<void(const Notification*)>(AUTHFLOW_TSAN_ABSL_CONST "12Notification19WaitForNotificationEv");
  next(this);
  __tsan_acquire(const_cast<Notification*>(this));
}

bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  static auto* const next = Next<bool(const Notification*, Duration)>(
      AUTHFLOW_TSAN_ABSL_CONST "12Notification30WaitForNotificationWithTimeoutENS0_8DurationE");
  const bool notified = next(this, timeout);
  if (notified) __tsan_acquire(const_cast<Notification*>(this));
  return notified;
}

ABSL_NAMESPACE_END
}  // namespace absl
