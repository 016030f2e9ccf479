// What threads are called where they are listed: top -H, ps -L, a debugger.
#ifndef AUTHFLOW_SERVER_BASE_THREAD_NAME_H_
#define AUTHFLOW_SERVER_BASE_THREAD_NAME_H_

#include <pthread.h>

#include <cstddef>

namespace authflow {

// While it lives, the name of the calling thread; a thread keeps the one that it was started under. At most 15
// characters (pthread_setname_np(3)).
class ThreadName {
 public:
  template <size_t kSize>
  explicit ThreadName(const char (&name)[kSize]) {
    static_assert(kSize <= sizeof before_);
    pthread_getname_np(pthread_self(), before_, sizeof before_);
    pthread_setname_np(pthread_self(), name);
  }
  ThreadName(const ThreadName&) = delete;
  ThreadName& operator=(const ThreadName&) = delete;
  ~ThreadName() { pthread_setname_np(pthread_self(), before_); }

 private:
  char before_[16] = {};
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_THREAD_NAME_H_
