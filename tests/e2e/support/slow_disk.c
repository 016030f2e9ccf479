// Preloaded into a program: its fsync of a token file tells the named pipe SLOW_DISK and then never comes back, as with a
// dead network file system.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int fsync(int file) {
  char link[64];
  char path[4096];
  const char* pipe = getenv("SLOW_DISK");
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  path[length < 0 ? 0 : length] = 0;
  if (pipe != NULL && strstr(path, "/tokens/") != NULL) {
    const int out = open(pipe, O_WRONLY);
    if (write(out, "x", 1) == 1) {
      for (;;) pause();
    }
  }
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  return real(file);
}
