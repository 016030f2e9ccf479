#include "server/base/secret.h"

#include <openssl/crypto.h>
#include <string.h>  // explicit_bzero

namespace authflow {

bool Secret::Equals(std::string_view other) const {
  return text_.size() == other.size() && CRYPTO_memcmp(text_.data(), other.data(), other.size()) == 0;
}

void Secret::Wipe() {
  // A moved-from string may keep its characters in its own (small) buffer: wipe the capacity, not the size.
  text_.resize(text_.capacity());
  explicit_bzero(text_.data(), text_.size());
  text_.clear();
}

}  // namespace authflow
