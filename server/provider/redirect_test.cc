#include "server/provider/redirect.h"

#include <gtest/gtest.h>

#include "server/base/error_class.h"
#include "server/provider/form.h"

namespace authflow {
namespace {

TEST(RedirectTest, ACodeComesWithItsState) {
  for (const std::string query :
       {"code=a%2Fb+c&state=s&iss=https%3A%2F%2Fidp", "?code=a/b%20c&state=s&iss=https://idp#_=_",
        "&&iss=https://idp&x=1&x=2&state=s&code=a%2fb%20c"}) {
    const auto answer = ParseRedirect(query);
    ASSERT_TRUE(answer.ok()) << query;
    EXPECT_EQ(answer->code.Reveal(), "a/b c");
    EXPECT_EQ(answer->state.Reveal(), "s");
    EXPECT_EQ(answer->iss, "https://idp");
    EXPECT_EQ(answer->error, "");
  }
}

TEST(RedirectTest, AnErrorComesWithItsWords) {
  const auto answer = ParseRedirect("error=access_denied&error_description=You+said%0Ano&state=s");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->error, "access_denied");
  EXPECT_EQ(answer->error_description, "You said\nno");
  EXPECT_TRUE(answer->code.empty());
  EXPECT_EQ(answer->iss, std::nullopt);
}

TEST(RedirectTest, WhatIsNoAnswerIsMalformed) {
  for (const std::string& query : {std::string(),
                                   std::string("?"),
                                   std::string("state=s"),
                                   std::string("code="),
                                   std::string("error="),
                                   std::string("code"),
                                   std::string("code=a&error=b"),
                                   std::string("code=a&code=a"),
                                   std::string("code=a&code=b"),
                                   std::string("code=a&state=s&state=s"),
                                   std::string("code=a&iss=x&iss=x"),
                                   std::string("error=a&error=b"),
                                   std::string("code=%"),
                                   std::string("code=%1"),
                                   std::string("code=%zz"),
                                   std::string("code=a%00b"),
                                   std::string("code=a%0d%0ab"),
                                   std::string("code=a&state=%7f"),
                                   std::string("code=a\nb"),
                                   "code=" + std::string(8192, 'a')}) {
    EXPECT_EQ(ClassOf(ParseRedirect(query).status()), v1::ERROR_CLASS_REDIRECT_MALFORMED) << query.substr(0, 80);
  }
  EXPECT_TRUE(ParseRedirect("code=" + std::string(8192 - 5, 'a')).ok());
}

TEST(RedirectRefusalTest, NamesWhoseTroubleItIs) {
  const auto refusal = [](const std::string& error) {
    return RedirectRefusal(RedirectAnswer{.error = error, .error_description = "some\nwords"});
  };
  EXPECT_EQ(ClassOf(refusal("server_error")), v1::ERROR_CLASS_PROVIDER_ERROR);
  EXPECT_EQ(ClassOf(refusal("temporarily_unavailable")), v1::ERROR_CLASS_PROVIDER_ERROR);
  EXPECT_EQ(ClassOf(refusal("unauthorized_client")), v1::ERROR_CLASS_PROVIDER_CLIENT_REFUSED);
  EXPECT_EQ(ClassOf(refusal("invalid_scope")), v1::ERROR_CLASS_PROVIDER_REFUSED);
  EXPECT_EQ(refusal("x\x1b").message(), "The identity provider refused. It says: x\\x1b: some\\nwords");
}

TEST(QuotedTest, IsPrintableAndShort) {
  EXPECT_EQ(Quoted("plain words"), "plain words");
  EXPECT_EQ(Quoted("a\nb\x1b[31m\xff"), "a\\nb\\x1b[31m\\xff");
  EXPECT_EQ(Quoted(std::string("\0", 1)), "\\x00");
  const std::string cut = Quoted(std::string(10000, 'x'));
  EXPECT_EQ(cut.size(), 200u);
  EXPECT_EQ(cut.substr(197), "...");
  EXPECT_LE(Quoted(std::string(10000, '\xff')).size(), 200u);
}

TEST(QuotedTest, HasNoEmail) {
  EXPECT_EQ(Quoted("User jane.doe+x@example.co.uk, not known"), "User [e-mail], not known");
  EXPECT_EQ(Quoted("<a@b> and c@d"), "<[e-mail]> and [e-mail]");
  EXPECT_EQ(Quoted("at @ alone, x@ and @y"), "at @ alone, x@ and @y");
  EXPECT_EQ(Quoted(std::string(190, ' ') + "somebody@example.com").find("somebody"), std::string::npos);
}

TEST(FormTest, EncodingIsUndoneByDecoding) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  const FormFields fields = {{"a b", all}, {"empty", ""}, {"plus", "+"}};
  EXPECT_EQ(*DecodeForm(EncodeForm(fields)), fields);
  EXPECT_EQ(PercentEncode("aZ0-._~ /:"), "aZ0-._~%20%2F%3A");
}

TEST(FormTest, QueriesAreAdded) {
  EXPECT_EQ(WithQuery("https://a/b", {{"c", "d"}}), "https://a/b?c=d");
  EXPECT_EQ(WithQuery("https://a/b?x=1", {{"c", "d"}}), "https://a/b?x=1&c=d");
  EXPECT_EQ(WithQuery("https://a/b?", {{"c", "d"}}), "https://a/b?c=d");
  EXPECT_EQ(WithQuery("https://a/b#f", {{"c", "d"}}), "https://a/b?c=d");
}

TEST(FormTest, Base64UrlHasOneSpelling) {
  EXPECT_EQ(*DecodeBase64Url("-_8"), "\xfb\xff");
  for (const char* text : {"-_9", "-_8=", "+/8", "-_8 ", "a"}) EXPECT_EQ(DecodeBase64Url(text), std::nullopt) << text;
}

TEST(FormTest, SafeUrlsAreHttpsOrLoopback) {
  for (const char* url : {"https://idp.test", "https://idp.test:8443/x?y", "http://127.0.0.1:1/x", "http://localhost",
                          "http://localhost:80/", "http://[::1]:1/", "http://[::1]"}) {
    EXPECT_TRUE(IsSafeUrl(url)) << url;
  }
  for (const char* url : {"", "idp.test", "http://idp.test", "http://127.0.0.1.evil.test/",
                          "http://localhost@evil.test/", "http://127.0.0.1:1@evil.test/", "file:///etc", "https://",
                          "https:///x", "https://a b/", "http://[::1].evil.test/", "javascript:alert(1)"}) {
    EXPECT_FALSE(IsSafeUrl(url)) << url;
  }
}

}  // namespace
}  // namespace authflow
