#include "client/cli/http_request.h"

#include <gtest/gtest.h>

#include "client/cli/redirect_targets.h"
#include "client/cli/result_page.h"

namespace authflow {
namespace {

TEST(HttpRequestTest, ReadsWhatABrowserSends) {
  const auto request =
      ParseHttpRequest("GET /callback?code=a%20b&state=s#x HTTP/1.1\r\nhOsT:  LocalHost:80 \r\nA: b\r\n\r\n");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, "GET");
  EXPECT_EQ(request->path, "/callback");
  EXPECT_EQ(request->query, "code=a%20b&state=s");
  EXPECT_EQ(request->host, "localhost:80");
}

TEST(HttpRequestTest, RefusesAllElse) {
  for (const char* head :
       {"", "\r\n\r\n", "GET\r\n\r\n", "GET /callback\r\nHost: a\r\n\r\n", "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / x HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01\x02 tls"}) {
    EXPECT_FALSE(ParseHttpRequest(head)) << head;
  }
}

TEST(QueryValueTest, DecodesForms) {
  EXPECT_EQ(QueryValue("a=1&state=x%2By+z&b", "state"), "x+y z");
  EXPECT_EQ(QueryValue("st%61te=x", "state"), "x");
  EXPECT_EQ(QueryValue("state=", "state"), "");
  EXPECT_EQ(QueryValue("xstate=1&statex=2", "state"), std::nullopt);
  EXPECT_EQ(QueryValue("state=1&state=1", "state"), std::nullopt);
  EXPECT_EQ(QueryValue("state=%2", "state"), std::nullopt);
  EXPECT_EQ(QueryValue("state=%zz", "state"), std::nullopt);
}

TEST(RedirectTargetsTest, TakesTheLoopbackOnesInOrder) {
  const auto targets = ParseRedirectTargets(
      "http://127.0.0.1:0/callback  http://localhost:8085/cb https://tool.example/cb http://[::1]/x http://evil/ "
      "http://127.0.0.1:99999/a http://127.0.0.1.evil:1/ app:/cb");
  ASSERT_EQ(targets.size(), 3u);
  EXPECT_EQ(targets[0].Uri(1234), "http://127.0.0.1:1234/callback");
  EXPECT_EQ(targets[0].port, 0);
  EXPECT_EQ(targets[1].host, "localhost");
  EXPECT_EQ(targets[1].port, 8085);
  EXPECT_EQ(targets[2].Uri(80), "http://[::1]:80/x");
  EXPECT_EQ(targets[2].port, 80);
}

TEST(PastedAnswerTest, IsAWholeAddressOrItsQuery) {
  const auto query = [](std::string_view pasted) -> std::string {
    const auto answer = ParsePasted(pasted, "https://id/authorize?nonce=n", "our state");
    return answer && !answer->code_only ? answer->query : "";
  };
  EXPECT_EQ(query("http://127.0.0.1/callback?code=c&state=s#f"), "code=c&state=s");
  EXPECT_EQ(query("code=c&state=s"), "code=c&state=s");
  EXPECT_EQ(query("state=s&error=access_denied"), "state=s&error=access_denied");
  for (const char* none : {"http://127.0.0.1/callback", "http://127.0.0.1/callback?", "", "a b=c", "code=a\nb"}) {
    EXPECT_EQ(query(none), "") << none;
  }
}

TEST(PastedAnswerTest, ACodeAloneIsTakenWhereANonceBindsItToThisSignIn) {
  const std::string code = "4/0AbCdEf-_gh=ijklmnop";
  const auto answer = ParsePasted(code, "https://id/authorize?code_challenge=x&nonce=n", "our state");
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->code_only);
  EXPECT_EQ(answer->query, "code=4%2F0AbCdEf-_gh%3Dijklmnop&state=our%20state");
  // Without a nonce nobody could tell whose code it is.
  EXPECT_FALSE(ParsePasted(code, "https://id/authorize?code_challenge=x", "s"));
  EXPECT_FALSE(ParsePasted(code, "https://id/nonce=n", "s"));
  // What was typed by mistake burns no attempt.
  EXPECT_FALSE(ParsePasted("yes", "https://id/authorize?nonce=n", "s"));
  EXPECT_FALSE(ParsePasted("https://id/no-answer-here", "https://id/authorize?nonce=n", "s"));
}

TEST(ResultPageTest, EscapesAndNamesNothingExternal) {
  const std::string response = HttpResponse(
      {.status = 200, .mood = ResultPage::kBad, .heading = "<b>\"&'", .text = "<script>x</script>", .hint = "</main>"});
  EXPECT_NE(response.find("&lt;b&gt;&quot;&amp;&#39;"), std::string::npos);
  EXPECT_EQ(response.find("<script"), std::string::npos);
  EXPECT_EQ(response.find("http://"), std::string::npos);
  EXPECT_EQ(response.find("https://"), std::string::npos);
  for (const char* field :
       {"HTTP/1.1 200 OK\r\n", "\r\nCache-Control: no-store\r\n", "\r\nReferrer-Policy: no-referrer\r\n",
        "\r\nConnection: close\r\n", "default-src 'none'"}) {
    EXPECT_NE(response.find(field), std::string::npos) << field;
  }
}

TEST(ResultPageTest, LengthIsThatOfTheBody) {
  const std::string response = HttpResponse({.heading = "Grüße", .text = "ä"});
  const size_t body = response.find("\r\n\r\n") + 4;
  EXPECT_NE(response.find("\r\nContent-Length: " + std::to_string(response.size() - body) + "\r\n"), std::string::npos);
}

}  // namespace
}  // namespace authflow
