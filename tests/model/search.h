// Breadth first through all states: the first violation found has a shortest trace.
#ifndef AUTHFLOW_TESTS_MODEL_SEARCH_H_
#define AUTHFLOW_TESTS_MODEL_SEARCH_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/model/world.h"

namespace authflow::model {

struct Found {
  int64_t states = 0;                                                 // distinct
  int64_t steps = 0;                                                  // between them
  int64_t at_rest = 0;                                                // states in which nothing can happen any more
  int depth = 0;                                                      // of the longest shortest path
  std::array<int64_t, static_cast<size_t>(Kind::kCount)> kinds = {};  // steps of each kind
  std::array<int64_t, 6> ends = {};                                   // of the states at rest, by the log's End
  Broken broken = Broken::kNothing;
  std::vector<std::string> trace;  // to `broken`, a line a step
  int logs = 0;                    // distinct logs
  int questions = 0;               // distinct calls of Flow::Next

  int kinds_used() const;
};

// Ends at the first violation, or when all is seen, or (a mistake of the test) at `limit` states.
Found Search(const Bounds& bounds, Bug bug = Bug::kNone, int64_t limit = 20'000'000);

}  // namespace authflow::model

#endif  // AUTHFLOW_TESTS_MODEL_SEARCH_H_
