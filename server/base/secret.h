// A string that cannot be printed by accident: a token, code, verifier, client secret or write key.
#ifndef AUTHFLOW_SERVER_BASE_SECRET_H_
#define AUTHFLOW_SERVER_BASE_SECRET_H_

#include <string>
#include <string_view>
#include <utility>

namespace authflow {

// A value. Reveal() is the only way to the text, so that a reader can search for each place that uses one.
// The memory is overwritten when the secret dies.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept { Take(other); }
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      Wipe();
      text_ = other.text_;
    }
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      Wipe();
      Take(other);
    }
    return *this;
  }
  ~Secret() {
    if (!blank()) Wipe();
  }

  const std::string& Reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

  // Constant-time comparison; unequal lengths are unequal.
  friend bool operator==(const Secret& a, const Secret& b) { return a.Equals(b.text_); }
  bool Equals(std::string_view other) const;

 private:
  // Nothing to overwrite: of a text in its own (small) buffer nothing is left once it is wiped.
  bool blank() const { return text_.empty() && text_.capacity() == std::string().capacity(); }
  void Take(Secret& other) {
    if (other.blank()) return;
    text_ = std::move(other.text_);
    other.Wipe();
  }
  void Wipe();
  std::string text_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_SECRET_H_
