// What is wrong with a configuration: all of it, each with the path of its field.
#ifndef AUTHFLOW_SERVER_CONFIG_PROBLEMS_H_
#define AUTHFLOW_SERVER_CONFIG_PROBLEMS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/text.h"

namespace authflow {

class Problems {
 public:
  void Add(std::string_view path, std::string_view sentence) { lines_.push_back(Cat(path, ": ", sentence)); }
  void AddLine(std::string line) { lines_.push_back(std::move(line)); }
  bool empty() const { return lines_.empty(); }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_CONFIG_PROBLEMS_H_
