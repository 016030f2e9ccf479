#include "server/provider/json.h"

#include <cmath>
#include <utility>

#include "server/provider/form.h"

namespace authflow {
namespace {

using nlohmann::json;

constexpr size_t kMaxDepth = 32;
constexpr size_t kMaxId = 255;

// Builds the document; the library's own builder rounds large whole numbers.
class Builder final : public nlohmann::json_sax<json> {
 public:
  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(int64_t value) override { return Add(value); }
  bool number_unsigned(uint64_t value) override { return Add(value); }
  bool number_float(double value, const std::string& text) override {
    if (text.find_first_not_of("-0123456789") == std::string::npos) return Add(text);
    return Add(value);
  }
  bool string(std::string& value) override { return Add(std::move(value)); }
  bool binary(json::binary_t&) override { return false; }
  bool start_object(size_t) override { return Open(json::object()); }
  bool end_object() override { return Close(); }
  bool start_array(size_t) override { return Open(json::array()); }
  bool end_array() override { return Close(); }
  bool key(std::string& name) override {
    name_ = std::move(name);
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  json& root() { return root_; }

 private:
  json* Place(json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    json& member = parent[name_];
    member = std::move(value);
    return &member;
  }
  bool Add(json value) {
    Place(std::move(value));
    return true;
  }
  bool Open(json value) {
    if (open_.size() >= kMaxDepth) return false;
    open_.push_back(Place(std::move(value)));
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  json root_;
  std::vector<json*> open_;
  std::string name_;
};

}  // namespace

std::optional<json> ParseJsonObject(std::string_view text) {
  Builder builder;
  if (!json::sax_parse(text.begin(), text.end(), &builder) || !builder.root().is_object()) return std::nullopt;
  return std::move(builder.root());
}

std::string StringAt(const json& object, const std::string& name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

std::string IdAt(const json& object, const std::string& name) {
  const auto it = object.find(name);
  if (it == object.end()) return "";
  if (it->is_number_integer()) return it->dump();
  std::string id = StringAt(object, name);
  return id.size() <= kMaxId && HasNoControls(id) ? id : "";
}

std::optional<absl::Time> TimeAt(const json& object, const std::string& name) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_number()) return std::nullopt;
  const double seconds = it->get<double>();
  if (!std::isfinite(seconds) || std::abs(seconds) > 1e12) return std::nullopt;
  return absl::UnixEpoch() + absl::Seconds(seconds);
}

std::vector<std::string> StringsAt(const json& object, const std::string& name) {
  std::vector<std::string> strings;
  const auto it = object.find(name);
  if (it == object.end()) return strings;
  if (it->is_string()) return {it->get<std::string>()};
  if (!it->is_array()) return strings;
  for (const json& item : *it) {
    if (item.is_string()) strings.push_back(item.get<std::string>());
  }
  return strings;
}

}  // namespace authflow
