// A table of odd answers of token endpoints.
#include "server/provider/token_answer.h"

#include <gtest/gtest.h>

#include "server/base/error_class.h"

namespace authflow {
namespace {

const absl::Time kAsked = absl::FromUnixSeconds(1000);

HttpResponse Response(int status, std::string body, std::string type = "application/json") {
  HttpResponse response;
  response.status = status;
  response.headers = {{"content-type", std::move(type)}};
  response.body = Secret(std::move(body));
  return response;
}

absl::StatusOr<TokenAnswer> Read(const HttpResponse& response, Grant grant = Grant::kCode) {
  return ReadTokenAnswer(response, grant, kAsked, {"openid", "email"}, {"the-code", "the-secret"});
}

TEST(TokenAnswerTest, GoodAnswersInTheirVariety) {
  struct Case {
    const char* body;
    std::optional<int> lifetime;
    std::vector<std::string> scopes;
  };
  const Case cases[] = {
      {R"({"access_token":"a","token_type":"Bearer","expires_in":60,"scope":"x y"})", 60, {"x", "y"}},
      {R"({"access_token":"a","token_type":"bearer","expires_in":"60","scope":"x,y"})", 60, {"x", "y"}},
      {R"({"access_token":"a","expires_in":60.5,"scope":["x","y"]})", 60, {"x", "y"}},
      {R"({"access_token":"a","token_type":null,"expires_in":null,"scope":null})", std::nullopt, {"openid", "email"}},
      {R"({"access_token":"a"})", std::nullopt, {"openid", "email"}},
      {R"({"access_token":"a","expires_in":-5})", std::nullopt, {"openid", "email"}},
      {R"({"access_token":"a","expires_in":"soon"})", std::nullopt, {"openid", "email"}},
      {R"({"access_token":"a","expires_in":1e300})", std::nullopt, {"openid", "email"}},
      {R"({"access_token":"a","expires_in":18446744073709551615})", 315360000, {"openid", "email"}},
      {R"({"access_token":"a","expires_in":0,"scope":""})", 0, {}},
      {R"({"access_token":"a","error":null})", std::nullopt, {"openid", "email"}},
  };
  for (const Case& c : cases) {
    const auto answer = Read(Response(200, c.body));
    ASSERT_TRUE(answer.ok()) << c.body << answer.status();
    EXPECT_EQ(answer->tokens.access_token.Reveal(), "a");
    EXPECT_EQ(answer->tokens.expire.has_value(), c.lifetime.has_value()) << c.body;
    EXPECT_EQ(answer->tokens.expire.value_or(kAsked), kAsked + absl::Seconds(c.lifetime.value_or(0))) << c.body;
    EXPECT_EQ(answer->tokens.scopes, c.scopes) << c.body;
  }
}

TEST(TokenAnswerTest, AFormIsReadWhenItSaysSo) {
  const std::string form = "access_token=a%2Bb&scope=repo%2Cuser&token_type=bearer&expires_in=28800&refresh_token=r";
  for (const char* type : {"application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8"}) {
    const auto answer = Read(Response(200, form, type));
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->tokens.access_token.Reveal(), "a+b");
    EXPECT_EQ(answer->tokens.refresh_token.Reveal(), "r");
    EXPECT_EQ(*answer->tokens.expire, kAsked + absl::Hours(8));
    EXPECT_EQ(answer->tokens.scopes, (std::vector<std::string>{"repo", "user"}));
  }
  const auto refused = Read(Response(200, "error=bad_verification_code&error_description=The+code+is+incorrect.",
                                     "application/x-www-form-urlencoded"));
  EXPECT_EQ(ClassOf(refused.status()), v1::ERROR_CLASS_CODE_REFUSED);
}

TEST(TokenAnswerTest, EachRefusalHasItsClass) {
  struct Case {
    int status;
    const char* body;
    ErrorClass at_code;
    ErrorClass at_refresh;
  };
  constexpr ErrorClass kCode = v1::ERROR_CLASS_CODE_REFUSED;
  constexpr ErrorClass kRefresh = v1::ERROR_CLASS_REFRESH_TOKEN_REFUSED;
  constexpr ErrorClass kClient = v1::ERROR_CLASS_PROVIDER_CLIENT_REFUSED;
  constexpr ErrorClass kRefused = v1::ERROR_CLASS_PROVIDER_REFUSED;
  constexpr ErrorClass kInvalid = v1::ERROR_CLASS_PROVIDER_INVALID_RESPONSE;
  constexpr ErrorClass kError = v1::ERROR_CLASS_PROVIDER_ERROR;
  constexpr ErrorClass kLimited = v1::ERROR_CLASS_PROVIDER_RATE_LIMITED;
  const Case cases[] = {
      {400, R"({"error":"invalid_grant"})", kCode, kRefresh},
      {200, R"({"error":"invalid_grant","access_token":"a"})", kCode, kRefresh},
      {403, R"({"error":"invalid_code"})", kCode, kRefresh},
      {200, R"({"error":"bad_verification_code","error_uri":"https://docs"})", kCode, kRefresh},
      {400, "", kCode, kRefresh},
      {400, " \r\n", kCode, kRefresh},
      {401, R"({"error":"invalid_client"})", kClient, kClient},
      {400, R"({"error":"unauthorized_client"})", kClient, kClient},
      {200, R"({"error":"incorrect_client_credentials"})", kClient, kClient},
      {401, "", kClient, kClient},
      {401, "<html>", kClient, kClient},
      {400, R"({"error":"invalid_scope"})", kRefused, kRefused},
      {400, R"({"error":"server_error"})", kError, kError},
      {503, R"({"error":"temporarily_unavailable"})", kError, kError},
      {500, "<html>Internal Server Error</html>", kError, kError},
      {502, "", kError, kError},
      {429, R"({"error":"rate_limited"})", kLimited, kLimited},
      {429, "", kLimited, kLimited},
      {200, "<!doctype html><title>Maintenance</title>", kInvalid, kInvalid},
      {200, "", kInvalid, kInvalid},
      {200, "[]", kInvalid, kInvalid},
      {200, "{}", kInvalid, kInvalid},
      {200, R"({"access_token":""})", kInvalid, kInvalid},
      {200, R"({"access_token":7})", kInvalid, kInvalid},
      {200, R"({"access_token":"a\nb"})", kInvalid, kInvalid},
      {200, R"({"access_token":"a","token_type":"mac"})", kInvalid, kInvalid},
      {200, R"({"access_token":"a")", kInvalid, kInvalid},
      {200, "{\"access_token\":\"\xff\"}", kInvalid, kInvalid},
      {404, "Not Found", kInvalid, kInvalid},
      {403, "", kInvalid, kInvalid},
      {302, "", kInvalid, kInvalid},
      {400, R"({"message":"what?"})", kInvalid, kInvalid},
  };
  for (const Case& c : cases) {
    EXPECT_STREQ(NameOf(ClassOf(Read(Response(c.status, c.body), Grant::kCode).status())), NameOf(c.at_code))
        << c.status << " " << c.body;
    EXPECT_STREQ(NameOf(ClassOf(Read(Response(c.status, c.body), Grant::kRefresh).status())), NameOf(c.at_refresh))
        << c.status << " " << c.body;
  }
}

TEST(TokenAnswerTest, TheProvidersWordsAreShownWithoutSecrets) {
  const auto refused = Read(Response(
      400,
      R"({"error":"odd_error","error_description":"code the-code of jane@example.com\nwith the-secret \u001b[31m"})"));
  const std::string message(refused.status().message());
  EXPECT_NE(message.find("odd_error: code [...] of [e-mail]\\nwith [...] \\x1b[31m"), std::string::npos) << message;
}

TEST(TokenAnswerTest, DeepJsonIsRefused) {
  const std::string deep = "{\"access_token\":\"a\",\"x\":" + std::string(100000, '[') + std::string(100000, ']') + "}";
  EXPECT_EQ(ClassOf(Read(Response(200, deep)).status()), v1::ERROR_CLASS_PROVIDER_INVALID_RESPONSE);
}

}  // namespace
}  // namespace authflow
