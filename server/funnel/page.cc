#include "server/funnel/page.h"

#include <openssl/sha.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "server/base/error_class.h"
#include "server/base/text.h"
#include "server/events/event.h"
#include "server/funnel/html.h"
#include "server/funnel/svg.h"
#include "server/funnel/wording.h"

namespace authflow {
namespace {

// Text has a contrast of 4.5:1 at least on what it stands on, bars one of 3:1 on their rail.
constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark; --page: #fff; --text: #1b2230; --quiet: #4d586b; --line: #d5dbe6; --link: #1f4bc0;
  --flows: #2f5bd3; --rail: #e8ecf3; --lost: #b3400f; --stripe: #f6cdb8; --note: #fff4d6; }
@media (prefers-color-scheme: dark) { :root { --page: #12161e; --text: #e6eaf2; --quiet: #a9b4c6; --line: #333c4b;
  --link: #9dbaff; --flows: #6f9bff; --rail: #252c38; --lost: #ff9d66; --stripe: #5a2a10; --note: #3a3110; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
header, main, footer { max-width: 62rem; margin: 0 auto; padding: 0 1rem; overflow-wrap: break-word; }
header { padding-top: 1rem; } footer { padding-bottom: 2rem; color: var(--quiet); }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .25rem; } p { margin: .25rem 0 .75rem; }
a { color: var(--link); } nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0; margin: 0 0 .5rem; }
nav a { display: inline-block; padding: .25rem 0; } nav a[aria-current] { color: var(--text); font-weight: 700; text-decoration: none; }
.parts { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; align-items: flex-start; }
.parts > * { flex: 1 1 20rem; min-width: 0; margin: 0; } .parts > figure { max-width: 30rem; }
figcaption, caption, .quiet { color: var(--quiet); text-align: left; } figcaption { margin-top: .5rem; font-size: .87rem; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--text); font: 13px system-ui, "DejaVu Sans", sans-serif; } svg .number { text-anchor: end; font-weight: 700; }
svg .rail { fill: var(--rail); } svg .flows { fill: var(--flows); } svg .lost { fill: var(--lost); } svg .stripe { fill: var(--stripe); }
table { width: 100%; border-collapse: collapse; margin: 0 0 1.25rem; } caption { padding: .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .5rem .3rem 0; border-top: 1px solid var(--line); font-weight: 400; }
tbody th, code { overflow-wrap: anywhere; } thead th { color: var(--quiet); } .n { text-align: right; padding-right: 0; padding-left: .5rem; font-variant-numeric: tabular-nums; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
.latest { margin: 0; padding-left: 1.25rem; } code { font: .87em "DejaVu Sans Mono", monospace; }
.note { background: var(--note); padding: .5rem .75rem; }
)css";

std::string Head(std::string_view title) {
  return Cat(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
      EscapeHtml(title), "</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>", kStyle,
      "</style>\n</head>\n<body>\n");
}

std::string Tail() { return "</body>\n</html>\n"; }

// Escaped, with places where a narrow screen may break a long name.
std::string Breakable(std::string_view name) {
  return absl::StrReplaceAll(EscapeHtml(name), {{"_", "_<wbr>"}, {"-", "-<wbr>"}});
}

// A step's name in the table; "" is before the first.
std::string StepCell(v1::Step step) {
  if (step == v1::STEP_UNSPECIFIED) return "before the first";
  return Cat("<code>", Breakable(StepName(step)), "</code>");
}

std::string TimeTag(absl::Time time) {
  return Cat(
      "<time datetime=\"",
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(absl::ToUnixSeconds(time)), absl::UTCTimeZone()),
      "\">", ShowTime(time), "</time>");
}

std::string NameOfFunnel(const Funnel& funnel) { return Cat(EscapeHtml(funnel.product), " ", KindName(funnel.kind)); }

// All but letters, digits and a few signs.
std::string EscapeQuery(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.') {
      escaped += c;
    } else {
      absl::StrAppend(&escaped, "%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return escaped;
}

std::string Link(std::string_view window, std::string_view product, std::string_view text, bool current) {
  return Cat("<li><a href=\"/funnel?window=", window, product.empty() ? "" : Cat("&amp;product=", EscapeQuery(product)),
             "\"", current ? " aria-current=\"page\"" : "", ">", EscapeHtml(text), "</a></li>\n");
}

std::string Navigation(const std::vector<FunnelWindow>& windows, size_t shown, const std::string& product) {
  std::string html = "<nav aria-label=\"Time\">\n<ul>\n";
  for (size_t i = 0; i < kPageWindows.size(); ++i) {
    html += Link(kPageWindows[i].name, product, Cat("Last ", WindowName(kPageWindows[i].length)), i == shown);
  }
  html += "</ul>\n</nav>\n";
  std::set<std::string> products;
  for (const FunnelWindow& window : windows) {
    for (const Funnel& funnel : window.funnels) products.insert(funnel.product);
  }
  if (products.size() < 2) return html;
  html += "<nav aria-label=\"Product\">\n<ul>\n";
  html += Link(kPageWindows[shown].name, "", "All products", product.empty());
  for (const std::string& name : products) html += Link(kPageWindows[shown].name, name, name, name == product);
  return html + "</ul>\n</nav>\n";
}

// How each funnel did in each window.
std::string Overview(const std::vector<FunnelWindow>& windows) {
  std::map<std::pair<std::string, v1::FlowKind>, std::array<const Funnel*, kPageWindows.size()>> rows;
  for (size_t i = 0; i < windows.size(); ++i) {
    for (const Funnel& funnel : windows[i].funnels) rows[{funnel.product, funnel.kind}][i] = &funnel;
  }
  if (rows.empty()) return "";
  std::string html =
      "<section aria-labelledby=\"overview\">\n<h2 id=\"overview\">Overview</h2>\n<table>\n"
      "<caption>Flows that started, and how many of them completed</caption>\n<thead><tr><th scope=\"col\">Flow</th>";
  for (const PageWindow& window : kPageWindows)
    absl::StrAppend(&html, "<th scope=\"col\" class=\"n\">", ToAbsl(window.name), "</th>");
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& [key, funnels] : rows) {
    absl::StrAppend(&html, "<tr><th scope=\"row\">", EscapeHtml(key.first), " ", KindName(key.second), "</th>");
    for (const Funnel* funnel : funnels) {
      html += funnel == nullptr ? std::string("<td class=\"n\">0</td>")
                                : Cat("<td class=\"n\">", funnel->started, " · ",
                                      ShowShare(funnel->completed, funnel->started), "</td>");
    }
    html += "</tr>\n";
  }
  return html + "</tbody>\n</table>\n</section>\n";
}

std::string Steps(const Funnel& funnel) {
  std::string html = Cat("<table data-table=\"steps\">\n<caption>Steps of ", NameOfFunnel(funnel),
                         "</caption>\n<thead><tr><th scope=\"col\">Step</th><th scope=\"col\" class=\"n\">Reached</th>"
                         "<th scope=\"col\" class=\"n\">Ended there</th><th scope=\"col\" class=\"n\">Median "
                         "time</th></tr></thead>\n<tbody>\n");
  for (const StepNumbers& step : funnel.steps) {
    absl::StrAppend(&html, "<tr><th scope=\"row\">", StepCell(step.step), "</th><td class=\"n\">", step.reached,
                    "</td><td class=\"n\">", step.dropped);
    if (step.dropped > 0) absl::StrAppend(&html, " · ", ShowShare(step.dropped, step.reached));
    absl::StrAppend(&html, "</td><td class=\"n\">", ShowDuration(step.median), "</td></tr>\n");
  }
  absl::StrAppend(&html, "<tr><th scope=\"row\">completed</th><td class=\"n\">", funnel.completed,
                  "</td><td class=\"n\">0</td><td class=\"n\">", ShowDuration(funnel.median_completed), "</td></tr>\n");
  return html + "</tbody>\n</table>\n";
}

std::string DropOffs(const Funnel& funnel) {
  if (funnel.drop_offs.empty()) return "";
  std::string html = Cat("<table data-table=\"drop-offs\">\n<caption>Where and why ", NameOfFunnel(funnel),
                         " ended without completing</caption>\n<thead><tr><th scope=\"col\">Step</th><th "
                         "scope=\"col\">Outcome, and why</th>"
                         "<th scope=\"col\" class=\"n\">Flows</th></tr></thead>\n<tbody>\n");
  for (const DropOff& drop_off : funnel.drop_offs) {
    absl::StrAppend(&html, "<tr><th scope=\"row\">", StepCell(drop_off.step), "</th><td>",
                    ToAbsl(OutcomeName(drop_off.outcome)), " <code>", Breakable(CauseOf(drop_off.outcome)),
                    "</code></td><td class=\"n\">", drop_off.flows, "</td></tr>\n");
  }
  return html + "</tbody>\n</table>\n";
}

std::string Section(const Funnel& funnel, size_t number) {
  const std::string id = Cat("funnel-", number);
  return Cat("<section class=\"funnel\" aria-labelledby=\"", id, "\">\n<h2 id=\"", id, "\">", NameOfFunnel(funnel),
             "</h2>\n<p>", funnel.started, " started: ", funnel.completed, " completed (",
             ShowShare(funnel.completed, funnel.started), "), ", funnel.aborted, " aborted, ", funnel.failed,
             " failed, ", funnel.open, " open.</p>\n<div class=\"parts\">\n<figure>\n",
             DrawSvg(funnel, Cat("picture-", number)),
             "<figcaption>How many flows reached each step. Striped: ended there, aborted or "
             "failed.</figcaption>\n</figure>\n<div>\n",
             Steps(funnel), DropOffs(funnel), "</div>\n</div>\n</section>\n");
}

// Of all that is shown, by error class.
std::string Failures(const std::vector<Funnel>& funnels) {
  struct Row {
    const Funnel* funnel;
    const Failure* failure;
  };
  std::map<ErrorClass, std::pair<int64_t, std::vector<Row>>> classes;
  for (const Funnel& funnel : funnels) {
    for (const FailureClass& of_class : funnel.failures) {
      auto& [flows, rows] = classes[of_class.error_class];
      flows += of_class.flows;
      for (const Failure& failure : of_class.latest) rows.push_back({&funnel, &failure});
    }
  }
  if (classes.empty()) return "";
  std::vector<std::pair<ErrorClass, std::pair<int64_t, std::vector<Row>>>> sorted(classes.begin(), classes.end());
  const auto later = [](const Row& a, const Row& b) { return a.failure->time > b.failure->time; };
  for (auto& [error_class, rows] : sorted) std::ranges::stable_sort(rows.second, later);
  std::ranges::stable_sort(sorted, [&later](const auto& a, const auto& b) {
    return later(a.second.second.front(), b.second.second.front());
  });
  std::string html =
      "<section aria-labelledby=\"failures\">\n<h2 id=\"failures\">Latest failures</h2>\n"
      "<p class=\"quiet\">By error class; <code>authflowd flow show ID</code> prints a flow's log.</p>\n";
  for (const auto& [error_class, found] : sorted) {
    absl::StrAppend(&html, "<h3><code>", Breakable(NameOf(error_class)), "</code> · ", found.first,
                    found.first == 1 ? " flow" : " flows", "</h3>\n<ul class=\"latest\">\n");
    for (size_t i = 0; i < std::min(found.second.size(), kLatestFailures); ++i) {
      const auto& [funnel, failure] = found.second[i];
      absl::StrAppend(&html, "<li>", TimeTag(failure->time), " ", NameOfFunnel(*funnel), ", ", StepCell(failure->step),
                      ": <code>", Breakable(failure->flow_id.ToString()), "</code></li>\n");
    }
    html += "</ul>\n";
  }
  return html + "</section>\n";
}

}  // namespace

std::string DrawPage(const std::vector<FunnelWindow>& windows, size_t shown, const std::string& product) {
  const FunnelWindow& window = windows[shown];
  std::vector<Funnel> funnels;
  for (const Funnel& funnel : window.funnels) {
    if (product.empty() || funnel.product == product) funnels.push_back(funnel);
  }
  const std::string name = WindowName(kPageWindows[shown].length);
  std::string html = Cat(Head(Cat("Sign-in funnel, last ", name)), "<header>\n<h1>Where sign-ins end</h1>\n",
                         Navigation(windows, shown, product), "<p class=\"quiet\">Flows that started from ",
                         TimeTag(window.from), " to ", TimeTag(window.until), " UTC");
  if (!product.empty()) absl::StrAppend(&html, ", of ", EscapeHtml(product));
  html += "</p>\n</header>\n<main>\n";
  if (window.cut()) {
    html +=
        "<p class=\"note\" id=\"cut\">Not the whole time: there is more than this page reads. "
        "<code>authflowd funnel --max-rows</code> reads all.</p>\n";
  }
  if (product.empty()) html += Overview(windows);
  if (funnels.empty()) absl::StrAppend(&html, "<p id=\"none\">No flow started in the last ", name, ".</p>\n");
  for (size_t i = 0; i < funnels.size(); ++i) html += Section(funnels[i], i + 1);
  html += Failures(funnels);
  return Cat(html,
             "</main>\n<footer>\n<p>Opted-out flows are counted. Re-authentications are not shown: "
             "<code>authflowd funnel --kind reauthentication</code> has them.</p>\n</footer>\n",
             Tail());
}

std::string DrawSorryPage(std::string_view sentence) {
  return Cat(Head("Sign-in funnel"), "<main>\n<h1>Where sign-ins end</h1>\n<p>", EscapeHtml(sentence),
             "</p>\n</main>\n", Tail());
}

const std::string& PagePolicy() {
  static const std::string policy = [] {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(kStyle.data()), kStyle.size(), digest);
    const std::string hash =
        absl::Base64Escape(absl::string_view(reinterpret_cast<const char*>(digest), sizeof(digest)));
    return Cat("default-src 'none'; style-src 'sha256-", hash,
               "'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  }();
  return policy;
}

}  // namespace authflow
