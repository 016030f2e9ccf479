// A function that stands in front of a library's own finds that one here.
#ifndef AUTHFLOW_THIRD_PARTY_TSAN_NEXT_H_
#define AUTHFLOW_THIRD_PARTY_TSAN_NEXT_H_

#include <dlfcn.h>

#include <cstdlib>

namespace authflow::tsan {

// The library's own function of that (mangled) name.
template <typename Function>
Function* Next(const char* name) {
  void* found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) std::abort();
  return reinterpret_cast<Function*>(found);
}

}  // namespace authflow::tsan

#endif  // AUTHFLOW_THIRD_PARTY_TSAN_NEXT_H_
