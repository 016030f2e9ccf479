#include "server/base/trace_parent.h"

#include <algorithm>

namespace authflow {
namespace {

// version "-" trace-id "-" parent-id "-" flags
constexpr size_t kLength = 2 + 1 + 32 + 1 + 16 + 1 + 2;

bool IsHex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsId(std::string_view text) {
  return IsHex(text) && std::ranges::any_of(text, [](char c) { return c != '0'; });
}

}  // namespace

std::string TraceIdOf(std::string_view traceparent) {
  if (traceparent.size() < kLength) return "";
  const std::string_view version = traceparent.substr(0, 2), trace_id = traceparent.substr(3, 32),
                         parent_id = traceparent.substr(36, 16), flags = traceparent.substr(53, 2);
  if (!IsHex(version) || version == "ff" || !IsId(trace_id) || !IsId(parent_id) || !IsHex(flags)) return "";
  for (const size_t dash : {2, 35, 52}) {
    if (traceparent[dash] != '-') return "";
  }
  const bool longer = traceparent.size() > kLength;
  if (longer && (version == "00" || traceparent[kLength] != '-')) return "";
  return std::string(trace_id);
}

}  // namespace authflow
