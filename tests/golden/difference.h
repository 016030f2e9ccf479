// Compares two JSON values field by field, types included.
#ifndef AUTHFLOW_TESTS_GOLDEN_DIFFERENCE_H_
#define AUTHFLOW_TESTS_GOLDEN_DIFFERENCE_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace authflow {

// One sentence for each difference, with the path of the field; empty: the same. Both values come from a parser, so
// that their types are those of the wire (true is not 1, 1 is not 1.0, null is not absent). Order of fields does not
// count, order of lists does.
std::vector<std::string> Differences(const nlohmann::json& expected, const nlohmann::json& actual,
                                     const std::string& path = "");

}  // namespace authflow

#endif  // AUTHFLOW_TESTS_GOLDEN_DIFFERENCE_H_
