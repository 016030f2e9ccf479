// Random bytes from OpenSSL's generator, and dice.
#ifndef AUTHFLOW_SERVER_BASE_RANDOM_H_
#define AUTHFLOW_SERVER_BASE_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "server/base/uuid.h"

namespace authflow {

// Thread-safe. Ends the process if the system has no randomness to give: nothing here may go on without it.
std::string RandomBytes(size_t count);
uint64_t RandomUint64();
// In [0, 1), to spread waits. Not from OpenSSL: a thread of gRPC's that waits should not need its state.
double RandomFraction();
// Version 7: ordered by `now`.
Uuid RandomUuid(absl::Time now);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_RANDOM_H_
