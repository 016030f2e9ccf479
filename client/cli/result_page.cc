#include "client/cli/result_page.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/printable.h"

namespace authflow {
namespace {

constexpr char kStyle[] = R"css(
:root { color-scheme: light dark; --ink: #1c2430; --soft: #566173; --paper: #f4f6f9; --card: #fff; --edge: #d7dde6;
  --mark: #1a7f4b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf4; --soft: #a9b4c4; --paper: #11161d; --card: #1a212b;
  --edge: #323d4c; --mark: #52c58b; } }
.neutral { --mark: #6b7686; } .bad { --mark: #c0392b; }
@media (prefers-color-scheme: dark) { .neutral { --mark: #a9b4c4; } .bad { --mark: #ff8a7a; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--paper);
  color: var(--ink); font: 1.0625rem/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 30rem; width: 100%; background: var(--card); border: 1px solid var(--edge); border-radius: .75rem;
  border-top: .3rem solid var(--mark); padding: 2rem; overflow-wrap: anywhere; }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25; }
p { margin: 0 0 .75rem; } p:last-child { margin-bottom: 0; }
.hint { color: var(--soft); }
)css";

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(Printable(text),
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

const char* ReasonOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    default:
      return "Bad Request";
  }
}

const char* NameOf(ResultPage::Mood mood) {
  switch (mood) {
    case ResultPage::kGood:
      return "good";
    case ResultPage::kNeutral:
      return "neutral";
    default:
      return "bad";
  }
}

}  // namespace

std::string HttpResponse(const ResultPage& page) {
  const std::string heading = Escaped(page.heading);
  const std::string body = absl::StrCat(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n<title>",
      heading, "</title>\n<style>", kStyle, "</style>\n</head>\n<body>\n<main class=\"", NameOf(page.mood), "\">\n<h1>",
      heading, "</h1>\n<p>", Escaped(page.text), "</p>\n",
      page.hint.empty() ? "" : absl::StrCat("<p class=\"hint\">", Escaped(page.hint), "</p>\n"),
      "</main>\n</body>\n</html>\n");
  return absl::StrCat(
      "HTTP/1.1 ", page.status, " ", ReasonOf(page.status),
      "\r\n"
      "Content-Type: text/html; charset=utf-8\r\n"
      "Cache-Control: no-store\r\n"
      "Referrer-Policy: no-referrer\r\n"
      "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
      "form-action 'none'; frame-ancestors 'none'\r\n"
      "X-Content-Type-Options: nosniff\r\n"
      "Connection: close\r\n"
      "Content-Length: ",
      body.size(), "\r\n\r\n", body);
}

}  // namespace authflow
