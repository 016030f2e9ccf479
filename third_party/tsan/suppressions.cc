// What ThreadSanitizer must not report. Debian's gRPC is not instrumented, so not all
// of the order that it creates between threads is seen (grpc.cc tells of the most).
// Here are only accesses whose innermost frame is in gRPC's own headers, or in what
// these keep their callbacks in: a race in a handler's code is reported still. The
// order of gRPC's own locks, and when it joins its threads, are its affair.
extern "C" const char* __tsan_default_suppressions();

extern "C" const char* __tsan_default_suppressions() {
  return "race_top:grpcpp/\n"
         "race_top:bits/std_function.h\n"
         "race_top:bits/move.h\n"
         "race_top:bits/atomic_base.h\n"
         "deadlock:libgrpc.so\n"
         "thread:grpc_core::Thread::Thread\n";
}
