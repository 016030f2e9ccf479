#include "client/cli/result.h"

#include <gtest/gtest.h>

#include "server/base/error_class.h"

namespace authflow {
namespace {

TEST(ResultTest, EachEndHasItsExitCodeAndWord) {
  const struct {
    absl::Status status;
    int exit_code;
    const char* word;
    const char* json_status;
  } kCases[] = {
      {absl::OkStatus(), 0, "", "ok"},
      {Cancelled(), 2, "USER_CANCELLED", "cancelled"},
      {Refusal(v1::ERROR_CLASS_DENIED, "m"), 2, "DENIED", "cancelled"},
      {NotSignedIn("m"), 4, "NOT_SIGNED_IN", "error"},
      {Refusal(v1::ERROR_CLASS_REFRESH_TOKEN_REFUSED, "m"), 4, "REFRESH_TOKEN_REFUSED", "error"},
      {Refusal(v1::ERROR_CLASS_ACCESS_TOKEN_REFUSED, "m"), 4, "ACCESS_TOKEN_REFUSED", "error"},
      {Refusal(v1::ERROR_CLASS_FLOW_TOKEN_INVALID, "m"), 1, "FLOW_TOKEN_INVALID", "error"},
      {Refusal(v1::ERROR_CLASS_CLIENT_NETWORK, "m"), 1, "CLIENT_NETWORK", "error"},
      {absl::UnavailableError("m"), 1, "CLIENT_NETWORK", "error"},
      {absl::InternalError("m"), 1, "CLIENT_ERROR", "error"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(ExitCodeOf(c.status), c.exit_code) << c.status;
    EXPECT_EQ(ErrorWordOf(c.status), c.word) << c.status;
    EXPECT_EQ(DocumentOf({.status = c.status})["status"], c.json_status) << c.status;
  }
}

TEST(ResultTest, TheFlowStandsInEveryError) {
  const Result result{.status = Refusal(v1::ERROR_CLASS_PROVIDER_ERROR, "It broke."), .flow_id = "f-1"};
  EXPECT_EQ(DocumentOf(result).dump(),
            R"({"status":"error","error_class":"PROVIDER_ERROR","message":"It broke.","flow_id":"f-1"})");
  EXPECT_NE(NarrationOf(result).find("f-1"), std::string::npos);
  EXPECT_NE(NarrationOf(result).find("It broke."), std::string::npos);
}

TEST(ResultTest, WhoIsNotSignedInIsToldHow) {
  for (const absl::Status& status :
       {NotSignedIn("You are not signed in."), Refusal(v1::ERROR_CLASS_REFRESH_TOKEN_REFUSED, "It is over.")}) {
    EXPECT_EQ(AdviceFor(status), "Sign in with \"authflow login\".");
  }
}

TEST(ResultTest, AnOkDocumentHasWhatTheCommandAdds) {
  Result result{.flow_id = "f-1"};
  result.document["user_id"] = "u";
  EXPECT_EQ(DocumentOf(result).dump(), R"({"status":"ok","flow_id":"f-1","user_id":"u"})");
  EXPECT_EQ(NarrationOf(result), "");
}

}  // namespace
}  // namespace authflow
