// The page /funnel: HTML that is complete as it is sent, without script and without anything to fetch.
#ifndef AUTHFLOW_SERVER_FUNNEL_PAGE_H_
#define AUTHFLOW_SERVER_FUNNEL_PAGE_H_

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "server/funnel/funnel.h"

namespace authflow {

// What the page offers to look at, and its `window` parameter for it.
struct PageWindow {
  std::string_view name;
  absl::Duration length;
};
inline constexpr std::array<PageWindow, 3> kPageWindows = {
    {{"hour", absl::Hours(1)}, {"day", absl::Hours(24)}, {"week", absl::Hours(7 * 24)}}};
inline constexpr size_t kPageDefault = 1;

// `windows` are those of kPageWindows, of which `shown` is drawn. `product` empty: all.
std::string DrawPage(const std::vector<FunnelWindow>& windows, size_t shown, const std::string& product);
// For who has to come again: another is being drawn, or the store cannot be read now.
std::string DrawSorryPage(std::string_view sentence);

// The Content-Security-Policy of both: their own style sheet and nothing else.
const std::string& PagePolicy();

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FUNNEL_PAGE_H_
