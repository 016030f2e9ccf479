#include "server/funnel/svg.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "server/base/text.h"
#include "server/events/event.h"
#include "server/funnel/html.h"
#include "server/funnel/wording.h"

namespace authflow {
namespace {

// In the picture's own units: on a narrow screen one is a pixel.
constexpr int kWidth = 360;
constexpr int kText = 14;   // from the top of a place to the base line of its text
constexpr int kBar = 16;    // height
constexpr int kPlace = 48;  // from one place to the next

double WidthOf(int64_t flows, int64_t started) {
  if (flows <= 0 || started <= 0) return 0;
  return std::max(2.0, kWidth * static_cast<double>(std::min(flows, started)) / static_cast<double>(started));
}

std::string Rectangle(const char* name, double x, int y, double width) {
  if (width <= 0) return "";
  return absl::StrFormat("<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>\n", name, x, y, width,
                         kBar);
}

}  // namespace

std::string DrawSvg(const Funnel& funnel, const std::string& id) {
  const auto bars = BarsOf(funnel);
  const int height = static_cast<int>(bars.size()) * kPlace - (kPlace - kText - 6 - kBar);
  std::string svg = absl::StrFormat(
      "<svg role=\"img\" viewBox=\"0 0 %d %d\" aria-labelledby=\"%s-title %s-text\">\n"
      "<title id=\"%s-title\">The funnel of %s %s</title>\n"
      "<desc id=\"%s-text\">%d flows started, %d completed. The table of steps has all numbers.</desc>\n",
      kWidth, height, id, id, id, EscapeHtml(funnel.product), KindName(funnel.kind), id, funnel.started,
      funnel.completed);
  // Stripes, so that nobody has to tell two colours apart.
  absl::StrAppendFormat(&svg,
                        "<defs><pattern id=\"%s-lost\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
                        "patternTransform=\"rotate(45)\"><rect class=\"lost\" width=\"6\" height=\"6\"/>"
                        "<rect class=\"stripe\" width=\"2\" height=\"6\"/></pattern></defs>\n",
                        id);
  int y = 0;
  for (const FunnelBar& bar : bars) {
    const double whole = WidthOf(bar.flows, funnel.started);
    const double lost = std::min(WidthOf(bar.dropped, funnel.started), whole);
    const int top = y + kText + 6;
    absl::StrAppendFormat(&svg, "<text x=\"0\" y=\"%d\">%s</text>\n", y + kText, bar.name);
    absl::StrAppendFormat(&svg, "<text class=\"number\" x=\"%d\" y=\"%d\">%d · %s</text>\n", kWidth, y + kText,
                          bar.flows, ShowShare(bar.flows, funnel.started));
    svg += Rectangle("rail", 0, top, kWidth);
    svg += Rectangle("flows", 0, top, whole - lost);
    if (lost > 0) {
      absl::StrAppendFormat(&svg, "<rect fill=\"url(#%s-lost)\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>\n",
                            id, whole - lost, top, lost, kBar);
    }
    y += kPlace;
  }
  return Cat(svg, "</svg>\n");
}

}  // namespace authflow
