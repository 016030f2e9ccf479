#include "server/base/error_class.h"

#include <gtest/gtest.h>

#include <set>

namespace authflow {
namespace {

std::vector<ErrorClass> All() {
  std::vector<ErrorClass> all;
  const auto* descriptor = v1::ErrorClass_descriptor();
  for (int i = 0; i < descriptor->value_count(); ++i) {
    all.push_back(static_cast<ErrorClass>(descriptor->value(i)->number()));
  }
  return all;
}

TEST(ErrorClassTest, EveryClassThatTheServerSaysHasACode) {
  for (const ErrorClass error_class : All()) {
    if (error_class == v1::ERROR_CLASS_UNSPECIFIED || IsClientClass(error_class)) {
      EXPECT_EQ(CodeOf(error_class), absl::StatusCode::kUnknown) << NameOf(error_class);
      continue;
    }
    EXPECT_NE(CodeOf(error_class), absl::StatusCode::kOk) << NameOf(error_class);
    EXPECT_NE(CodeOf(error_class), absl::StatusCode::kUnknown) << NameOf(error_class);
    EXPECT_NE(CodeOf(error_class), absl::StatusCode::kInternal) << NameOf(error_class);
  }
}

TEST(ErrorClassTest, NamesAreThoseOfTheEnumWithoutItsPrefix) {
  EXPECT_STREQ(NameOf(v1::ERROR_CLASS_FLOW_FINISHED), "FLOW_FINISHED");
  EXPECT_STREQ(NameOf(v1::ERROR_CLASS_UNSPECIFIED), "UNSPECIFIED");
  EXPECT_STREQ(NameOf(static_cast<ErrorClass>(9999)), "UNSPECIFIED");
  std::set<std::string_view> names;
  for (const ErrorClass error_class : All()) names.insert(NameOf(error_class));
  EXPECT_EQ(names.size(), All().size());
}

TEST(ErrorClassTest, ClientClassesAreThoseNamedSo) {
  EXPECT_TRUE(IsClientClass(v1::ERROR_CLASS_CLIENT_PROFILE_WRITE));
  EXPECT_FALSE(IsClientClass(v1::ERROR_CLASS_PROVIDER_CLIENT_REFUSED));
  EXPECT_FALSE(IsClientClass(v1::ERROR_CLASS_UNSPECIFIED));
}

TEST(ErrorClassTest, ARefusalCarriesItsClassItsWordsAndItsFacts) {
  const absl::Status status =
      WithMetadata(Refusal(v1::ERROR_CLASS_FLOW_EXPIRED, "too late", {{"flow_id", "f"}}), "retry", "no");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "too late");
  EXPECT_EQ(ClassOf(status), v1::ERROR_CLASS_FLOW_EXPIRED);
  EXPECT_EQ(MetadataOf(status), (std::map<std::string, std::string>{{"flow_id", "f"}, {"retry", "no"}}));
}

TEST(ErrorClassTest, OtherStatusesHaveNeitherClassNorFacts) {
  for (const absl::Status& status : {absl::OkStatus(), absl::InternalError("x")}) {
    EXPECT_EQ(ClassOf(status), v1::ERROR_CLASS_UNSPECIFIED);
    EXPECT_TRUE(MetadataOf(WithMetadata(status, "a", "b")).empty());
    EXPECT_EQ(WithMetadata(status, "a", "b"), status);
  }
}

}  // namespace
}  // namespace authflow
