#include "tests/model/search.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"

namespace authflow::model {
namespace {

// Numbers for distinct values, in the order in which they came.
template <typename T>
class Numbered {
 public:
  Numbered() : index_(0, Hash{this}, Equal{this}) {}

  // The value's number, and whether it is new.
  std::pair<uint32_t, bool> Add(const T& value) {
    if (size_ % kChunk == 0 && size_ / kChunk == chunks_.size()) chunks_.push_back(std::make_unique<T[]>(kChunk));
    chunks_[size_ / kChunk][size_ % kChunk] = value;
    const auto [it, is_new] = index_.insert(static_cast<uint32_t>(size_));
    size_ += is_new;
    return {*it, is_new};
  }
  size_t size() const { return size_; }
  const T& operator[](size_t number) const { return chunks_[number / kChunk][number % kChunk]; }

 private:
  // Values stay where they are, and one look finds them: a deque would look twice.
  static constexpr size_t kChunk = 1 << 14;
  static std::string_view BytesOf(const T& value) { return {reinterpret_cast<const char*>(&value), sizeof(T)}; }
  struct Hash {
    const Numbered* all;
    size_t operator()(uint32_t number) const { return absl::Hash<std::string_view>()(BytesOf((*all)[number])); }
  };
  struct Equal {
    const Numbered* all;
    bool operator()(uint32_t a, uint32_t b) const { return a == b || BytesOf((*all)[a]) == BytesOf((*all)[b]); }
  };

  std::vector<std::unique_ptr<T[]>> chunks_;
  size_t size_ = 0;
  absl::flat_hash_set<uint32_t, Hash, Equal> index_;
};

// All states, each with the one it was found from. Replicas are few and kept once.
class Seen {
 public:
  // The first, which has no parent.
  void AddFirst(const State& state) {
    states_.Add({{replicas_.Add(state.replicas[0]).first, replicas_.Add(state.replicas[1]).first}, state});
    parents_.push_back(0);
  }
  // A state that follows from number `parent`, which is `before`. False: it was there.
  bool Add(const State& state, uint32_t parent, const State& before) {
    Packed packed = {{}, state};
    for (int r = 0; r < 2; ++r) {
      // Most steps change one replica, or none.
      const bool same = std::memcmp(&state.replicas[r], &before.replicas[r], sizeof(Replica)) == 0;
      packed.replicas[r] = same ? states_[parent].replicas[r] : replicas_.Add(state.replicas[r]).first;
    }
    if (!states_.Add(packed).second) return false;
    parents_.push_back(parent);
    return true;
  }
  size_t size() const { return states_.size(); }
  State operator[](size_t number) const {
    const Packed& packed = states_[number];
    State state = {packed.shared, {}};
    for (int r = 0; r < 2; ++r) state.replicas[r] = replicas_[packed.replicas[r]];
    return state;
  }
  uint32_t parent(size_t number) const { return parents_[number]; }

 private:
  struct Packed {
    uint32_t replicas[2];
    Shared shared;
  };
  static_assert(sizeof(Packed) == 8 + sizeof(Shared));

  Numbered<Replica> replicas_;
  Numbered<Packed> states_;
  std::vector<uint32_t> parents_;
};

// From the first state to `last`, found again step by step.
std::vector<std::string> Trace(const World& world, const Seen& seen, uint32_t last) {
  std::vector<uint32_t> path = {last};
  while (path.back() != 0) path.push_back(seen.parent(path.back()));
  std::reverse(path.begin(), path.end());
  std::vector<std::string> lines;
  std::vector<Step> steps;
  for (size_t i = 1; i < path.size(); ++i) {
    const State before = seen[path[i - 1]];
    const State after = seen[path[i]];
    steps.clear();
    Next(world, before, steps);
    for (const Step& step : steps) {
      if (std::memcmp(&step.after, &after, sizeof(State)) != 0) continue;
      lines.push_back(Words(world, before, step));
      break;
    }
  }
  return lines;
}

}  // namespace

int Found::kinds_used() const {
  return static_cast<int>(std::count_if(kinds.begin(), kinds.end(), [](int64_t steps) { return steps > 0; }));
}

Found Search(const Bounds& bounds, Bug bug, int64_t limit) {
  Rules rules(bounds, bug);
  const World world{.bounds = bounds, .bug = bug, .rules = &rules};
  Found found;
  Seen seen;
  seen.AddFirst(Initial(world));
  std::vector<Step> steps;
  size_t layer_end = 1;
  const auto violates = [&](Broken broken, size_t number) {
    if (broken == Broken::kNothing) return false;
    found.broken = broken;
    found.trace = Trace(world, seen, static_cast<uint32_t>(number));
    return true;
  };
  for (size_t number = 0; number < seen.size() && found.broken == Broken::kNothing; ++number) {
    if (number == layer_end) {
      layer_end = seen.size();
      ++found.depth;
    }
    const State state = seen[number];
    steps.clear();
    Next(world, state, steps);
    if (steps.empty()) {
      ++found.at_rest;
      ++found.ends[static_cast<size_t>(rules.facts(state.log).end)];
      if (violates(CheckAtRest(world, state), number)) break;
    }
    for (const Step& step : steps) {
      ++found.steps;
      ++found.kinds[static_cast<size_t>(step.action.kind)];
      if (!seen.Add(step.after, static_cast<uint32_t>(number), state)) continue;
      if (violates(Check(world, step.after), seen.size() - 1)) break;
    }
    if (static_cast<int64_t>(seen.size()) > limit) {
      std::cerr << "the model's world is too large: states" << std::endl;
      std::abort();
    }
  }
  found.states = static_cast<int64_t>(seen.size());
  found.logs = rules.logs() - 1;
  found.questions = rules.asked();
  return found;
}

}  // namespace authflow::model
