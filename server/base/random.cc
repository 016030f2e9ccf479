#include "server/base/random.h"

#include <openssl/rand.h>

#include <cstdlib>
#include <cstring>

#include "absl/random/random.h"

namespace authflow {

std::string RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) std::abort();
  return bytes;
}

uint64_t RandomUint64() {
  const std::string bytes = RandomBytes(8);
  uint64_t number;
  std::memcpy(&number, bytes.data(), sizeof(number));
  return number;
}

double RandomFraction() {
  thread_local absl::InsecureBitGen generator;
  return absl::Uniform(generator, 0.0, 1.0);
}

Uuid RandomUuid(absl::Time now) {
  Uuid uuid = *Uuid::FromBytes(RandomBytes(16));
  const int64_t millis = absl::ToUnixMillis(now);
  for (int i = 0; i < 6; ++i) uuid.bytes[i] = static_cast<uint8_t>(millis >> (8 * (5 - i)));
  return uuid.Stamped(7);
}

}  // namespace authflow
