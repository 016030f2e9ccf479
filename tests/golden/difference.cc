#include "tests/golden/difference.h"

namespace authflow {
namespace {

using Json = nlohmann::json;

void Add(std::vector<std::string> more, std::vector<std::string>& all) {
  all.insert(all.end(), more.begin(), more.end());
}

}  // namespace

std::vector<std::string> Differences(const Json& expected, const Json& actual, const std::string& path) {
  std::vector<std::string> differences;
  if (expected.type() != actual.type()) {
    return {path + ": expected " + expected.dump() + ", is " + actual.dump() + " (" + actual.type_name() + ")"};
  }
  if (expected.is_object()) {
    for (const auto& [name, value] : expected.items()) {
      const std::string field = path + "/" + name;
      if (actual.contains(name)) {
        Add(Differences(value, actual.at(name), field), differences);
      } else {
        differences.push_back(field + ": missing");
      }
    }
    for (const auto& [name, value] : actual.items()) {
      if (!expected.contains(name)) differences.push_back(path + "/" + name + ": unknown, is " + value.dump());
    }
  } else if (expected.is_array() && expected.size() == actual.size()) {
    for (size_t i = 0; i < expected.size(); ++i) {
      Add(Differences(expected[i], actual[i], path + "/" + std::to_string(i)), differences);
    }
  } else if (expected != actual) {
    differences.push_back(path + ": expected " + expected.dump() + ", is " + actual.dump());
  }
  return differences;
}

}  // namespace authflow
