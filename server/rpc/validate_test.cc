#include "server/rpc/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "server/base/error_class.h"
#include "server/rpc/shape.h"

namespace authflow {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kUuid4[] = "9b2f6d5e-6a1c-4c8e-9f3b-2d7a1e0c5b4a";
constexpr char kUuid7[] = "0192F0C1-2B3C-7D4E-8F50-123456789ABC";
constexpr char kControl[] = "a\x01SECRET";

void Fill(v1::Invocation* invocation) {
  invocation->set_invocation_id(kUuid7);
  invocation->set_anonymous_id("anonymous");
  invocation->set_command("tool auth login");
}

template <typename Request>
Request Good();

template <>
v1::StartFlowRequest Good() {
  v1::StartFlowRequest request;
  request.set_request_id(kUuid7);
  request.set_product("tool");
  request.set_kind(v1::FLOW_KIND_LOGIN);
  request.set_redirect_uri("http://127.0.0.1:49152/callback");
  Fill(request.mutable_invocation());
  return request;
}

template <>
v1::RecordStepRequest Good() {
  v1::RecordStepRequest request;
  request.set_flow_token("token");
  request.set_step(v1::STEP_BROWSER_WAIT);
  return request;
}

template <>
v1::FinishFlowRequest Good() {
  v1::FinishFlowRequest request;
  request.set_flow_token("token");
  request.mutable_outcome()->mutable_completed();
  return request;
}

template <>
v1::ExchangeCodeRequest Good() {
  v1::ExchangeCodeRequest request;
  request.set_flow_token("token");
  request.set_redirect_query("code=c&state=s");
  return request;
}

template <>
v1::AwaitDeviceRequest Good() {
  v1::AwaitDeviceRequest request;
  request.set_flow_token("token");
  request.set_device_code("sealed");
  return request;
}

template <>
v1::RefreshTokenRequest Good() {
  v1::RefreshTokenRequest request;
  request.set_product("tool");
  request.set_refresh_token("token");
  return request;
}

template <>
v1::RevokeTokenRequest Good() {
  v1::RevokeTokenRequest request;
  request.set_product("tool");
  request.mutable_tokens()->set_refresh_token("token");
  return request;
}

template <>
v1::ListApplicationsRequest Good() {
  v1::ListApplicationsRequest request;
  request.set_product("tool");
  request.set_access_token("token");
  return request;
}

template <>
v1::CreateApplicationRequest Good() {
  v1::CreateApplicationRequest request;
  request.set_request_id(kUuid4);
  request.set_product("tool");
  request.set_access_token("token");
  request.set_name("App");
  return request;
}

template <>
v1::StartCommandRequest Good() {
  v1::StartCommandRequest request;
  request.set_product("tool");
  Fill(request.mutable_invocation());
  return request;
}

template <>
v1::FinishCommandRequest Good() {
  v1::FinishCommandRequest request;
  request.set_product("tool");
  request.set_invocation_id(kUuid4);
  request.set_exit_code(1);
  request.mutable_duration()->set_seconds(2);
  request.set_error_class("ERROR.some*");
  return request;
}

template <typename Request>
struct Case {
  std::function<void(Request&)> spoil;
  std::string message;  // what the sentence begins with
};

template <typename Request>
void Check(const std::vector<Case<Request>>& cases) {
  EXPECT_EQ(Validate(Good<Request>()), absl::OkStatus());
  for (const auto& [spoil, message] : cases) {
    SCOPED_TRACE(message);
    Request request = Good<Request>();
    spoil(request);
    const absl::Status status = Validate(request);
    EXPECT_EQ(ClassOf(status), v1::ERROR_CLASS_INVALID_REQUEST);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), StartsWith("The request is not valid. " + std::string(message)));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("SECRET")));
  }
}

const std::string Long(size_t size) { return std::string(size, 'x'); }

TEST(ValidateTest, StartFlow) {
  using R = v1::StartFlowRequest;
  Check<R>({
      {[](R& r) { r.clear_request_id(); }, "request_id: required"},
      {[](R& r) { r.set_request_id("SECRET"); }, "request_id: must be a UUID"},
      {[](R& r) { r.set_request_id("0192f0c1-2b3c-1d4e-8f50-123456789abc"); }, "request_id: must be a UUID"},
      {[](R& r) { r.set_request_id("0192f0c1-2b3c-7d4e-0f50-123456789abc"); }, "request_id: must be a UUID"},
      {[](R& r) { r.set_request_id("0192f0c12b3c7d4e8f50123456789abc"); }, "request_id: must be a UUID"},
      {[](R& r) { r.clear_product(); }, "product: required"},
      {[](R& r) { r.set_product(Long(257)); }, "product: at most 256 bytes"},
      {[](R& r) { r.set_product(std::string("a\0b", 3)); }, "product: control characters"},
      {[](R& r) { r.clear_kind(); }, "kind: required"},
      {[](R& r) { r.set_kind(static_cast<v1::FlowKind>(99)); }, "kind: unknown value"},
      {[](R& r) { r.set_redirect_uri(Long(513)); }, "redirect_uri: at most 512 bytes"},
      {[](R& r) { r.set_redirect_uri("http://127.0.0.1/\n"); }, "redirect_uri: control characters"},
      {[](R& r) { r.clear_invocation(); }, "invocation: required"},
      {[](R& r) { r.set_login_hint(Long(255)); }, "login_hint: at most 254 bytes"},
      {[](R& r) { r.set_login_hint(kControl); }, "login_hint: control characters"},
  });
  R pasted = Good<R>();
  pasted.clear_redirect_uri();
  EXPECT_EQ(Validate(pasted), absl::OkStatus());
}

TEST(ValidateTest, Invocation) {
  using R = v1::StartCommandRequest;
  const auto in = [](auto change) { return [change](R& r) { change(*r.mutable_invocation()); }; };
  using I = v1::Invocation;
  Check<R>({
      {[](R& r) { r.clear_product(); }, "product: required"},
      {[](R& r) { r.clear_invocation(); }, "invocation: required"},
      {in([](I& i) { i.set_invocation_id("1"); }), "invocation.invocation_id: must be a UUID"},
      {in([](I& i) { i.clear_anonymous_id(); }), "invocation.anonymous_id: required"},
      {in([](I& i) { i.set_anonymous_id(Long(257)); }), "invocation.anonymous_id: at most 256 bytes"},
      {in([](I& i) { i.set_user_id("\x7f"); }), "invocation.user_id: control characters"},
      {in([](I& i) { i.set_app_id(Long(257)); }), "invocation.app_id: at most 256 bytes"},
      {in([](I& i) { i.clear_command(); }), "invocation.command: required"},
      {in([](I& i) { i.set_command("a\xc2\x85"); }), "invocation.command: control characters"},
      {in([](I& i) {
         for (int n = 0; n < 33; ++n) i.add_flags("f");
       }),
       "invocation.flags: must be from 0 to 32"},
      {in([](I& i) {
         i.add_flags("ok");
         i.add_flags("");
       }),
       "invocation.flags[1]: required"},
      {in([](I& i) { i.set_cli_context("\x1b["); }), "invocation.cli_context: control characters"},
      {in([](I& i) { i.set_version("\xff"); }), "invocation.version: not valid UTF-8"},
      {in([](I& i) { i.set_operating_system(Long(257)); }), "invocation.operating_system: at most 256 bytes"},
      {in([](I& i) { i.set_configured_applications(-1); }), "invocation.configured_applications: must be from 0"},
  });
  R opted_out = Good<R>();
  opted_out.mutable_invocation()->set_do_not_track(true);
  opted_out.mutable_invocation()->clear_anonymous_id();
  EXPECT_EQ(Validate(opted_out), absl::OkStatus());
}

TEST(ValidateTest, RecordStep) {
  using R = v1::RecordStepRequest;
  Check<R>({
      {[](R& r) { r.clear_flow_token(); }, "flow_token: required"},
      {[](R& r) { r.set_flow_token(Long(16 * 1024 + 1)); }, "flow_token: at most 16384 bytes"},
      {[](R& r) { r.clear_step(); }, "step: required"},
      {[](R& r) { r.set_step(static_cast<v1::Step>(99)); }, "step: unknown value"},
  });
}

TEST(ValidateTest, FinishFlow) {
  using R = v1::FinishFlowRequest;
  const auto aborted = [](v1::AbortReason reason) {
    return [reason](R& r) { r.mutable_outcome()->mutable_aborted()->set_reason(reason); };
  };
  const auto failed = [](ErrorClass error_class) {
    return [error_class](R& r) { r.mutable_outcome()->mutable_failed()->set_error_class(error_class); };
  };
  Check<R>({
      {[](R& r) { r.clear_flow_token(); }, "flow_token: required"},
      {[](R& r) { r.clear_outcome(); }, "outcome: required"},
      {[](R& r) { r.mutable_outcome()->clear_completed(); }, "outcome: required"},
      {aborted(v1::ABORT_REASON_UNSPECIFIED), "outcome.aborted.reason: a client can only say"},
      {aborted(v1::ABORT_REASON_EXPIRED), "outcome.aborted.reason: a client can only say"},
      {aborted(static_cast<v1::AbortReason>(99)), "outcome.aborted.reason: unknown value"},
      {failed(v1::ERROR_CLASS_DENIED), "outcome.failed.error_class: a client can only say"},
      {failed(static_cast<ErrorClass>(999)), "outcome.failed.error_class: unknown value"},
  });
  for (const auto& change : {aborted(v1::ABORT_REASON_USER_CANCELLED)}) {
    R request = Good<R>();
    change(request);
    EXPECT_EQ(Validate(request), absl::OkStatus());
  }
  for (const auto& change : {failed(v1::ERROR_CLASS_UNSPECIFIED), failed(v1::ERROR_CLASS_CLIENT_PORTS_BUSY)}) {
    R request = Good<R>();
    change(request);
    EXPECT_EQ(Validate(request), absl::OkStatus());
  }
}

TEST(ValidateTest, GetAndWatchFlow) {
  EXPECT_THAT(std::string(Validate(v1::GetFlowRequest()).message()), HasSubstr("flow_token: required."));
  EXPECT_THAT(std::string(Validate(v1::WatchFlowRequest()).message()), HasSubstr("flow_token: required."));
}

TEST(ValidateTest, ExchangeCode) {
  using R = v1::ExchangeCodeRequest;
  Check<R>({
      {[](R& r) { r.clear_flow_token(); }, "flow_token: required"},
      {[](R& r) { r.set_redirect_query(Long(8 * 1024 + 1)); }, "redirect_query: at most 8192 bytes"},
  });
}

TEST(ValidateTest, StartDeviceAuthorizationAndAwaitDevice) {
  using R = v1::AwaitDeviceRequest;
  EXPECT_THAT(std::string(Validate(v1::StartDeviceAuthorizationRequest()).message()),
              HasSubstr("flow_token: required."));
  Check<R>({
      {[](R& r) { r.clear_flow_token(); }, "flow_token: required"},
      {[](R& r) { r.clear_device_code(); }, "device_code: required"},
      {[](R& r) { r.set_device_code(Long(16 * 1024 + 1)); }, "device_code: at most 16384 bytes"},
      {[](R& r) { r.set_device_code(kControl); }, "device_code: control characters"},
  });
}

TEST(ValidateTest, RefreshToken) {
  using R = v1::RefreshTokenRequest;
  Check<R>({
      {[](R& r) { r.clear_product(); }, "product: required"},
      {[](R& r) { r.clear_refresh_token(); }, "refresh_token: required"},
      {[](R& r) { r.set_refresh_token(Long(16 * 1024 + 1)); }, "refresh_token: at most 16384 bytes"},
      {[](R& r) { r.set_refresh_token(kControl); }, "refresh_token: control characters"},
  });
}

TEST(ValidateTest, RevokeToken) {
  using R = v1::RevokeTokenRequest;
  Check<R>({
      {[](R& r) { r.clear_product(); }, "product: required"},
      {[](R& r) { r.clear_tokens(); }, "tokens: at least one of"},
      {[](R& r) { r.mutable_tokens()->set_access_token(kControl); }, "tokens.access_token: control characters"},
      {[](R& r) { r.mutable_tokens()->set_refresh_token(kControl); }, "tokens.refresh_token: control characters"},
      {[](R& r) { r.mutable_tokens()->set_id_token(kControl); }, "tokens.id_token: control characters"},
      {[](R& r) { r.mutable_invocation(); }, "invocation.invocation_id: required"},
  });
}

TEST(ValidateTest, ListApplications) {
  using R = v1::ListApplicationsRequest;
  Check<R>({
      {[](R& r) { r.clear_product(); }, "product: required"},
      {[](R& r) { r.set_access_token(kControl); }, "access_token: control characters"},
      {[](R& r) { r.set_page_size(-1); }, "page_size: must not be negative"},
      {[](R& r) { r.set_page_token(Long(1025)); }, "page_token: at most 1024 bytes"},
  });
}

TEST(ValidateTest, CreateApplication) {
  using R = v1::CreateApplicationRequest;
  Check<R>({
      {[](R& r) { r.clear_request_id(); }, "request_id: required"},
      {[](R& r) { r.clear_product(); }, "product: required"},
      {[](R& r) { r.set_access_token(kControl); }, "access_token: control characters"},
      {[](R& r) { r.set_name(Long(1025)); }, "name: at most 1024 bytes"},
      {[](R& r) { r.set_region("\t"); }, "region: control characters"},
  });
}

TEST(ValidateTest, FinishCommand) {
  using R = v1::FinishCommandRequest;
  Check<R>({
      {[](R& r) { r.clear_product(); }, "product: required"},
      {[](R& r) { r.clear_invocation_id(); }, "invocation_id: required"},
      {[](R& r) { r.set_exit_code(-1); }, "exit_code: must be from 0 to 255"},
      {[](R& r) { r.set_exit_code(256); }, "exit_code: must be from 0 to 255"},
      {[](R& r) { r.mutable_duration()->set_seconds(-1); }, "duration: must not be negative"},
      {[](R& r) { r.mutable_duration()->set_nanos(-1); }, "duration: must not be negative"},
      {[](R& r) { r.mutable_duration()->set_nanos(1'000'000'000); }, "duration: not a google.protobuf.Duration"},
      {[](R& r) { r.set_error_class("a b"); }, "error_class: only"},
      {[](R& r) { r.set_error_class(Long(65)); }, "error_class: at most 64 bytes"},
  });
}

TEST(ShapeTest, Utf8) {
  for (const char* good :
       {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "\xc3("}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

TEST(ShapeTest, ControlCharactersAreC0DeleteAndC1) {
  for (const char* control : {"\x01", "\x1f", "\x7f", "\xc2\x80", "\xc2\x9f", "a\nb"}) {
    EXPECT_TRUE(HasControlCharacter(control));
  }
  EXPECT_TRUE(HasControlCharacter(std::string_view("\0", 1)));
  for (const char* plain : {"", " ~", "\xc2\xa0", "\xc3\x80", "\xe2\x80\x8b"}) EXPECT_FALSE(HasControlCharacter(plain));
}

}  // namespace
}  // namespace authflow
