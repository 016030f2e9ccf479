#include "client/cli/result.h"

#include "absl/strings/str_cat.h"
#include "client/authflow_client.h"
#include "server/base/error_class.h"

namespace authflow {
namespace {

constexpr char kSignIn[] = "Sign in with \"authflow login\".";

}  // namespace

absl::Status NotSignedIn(const std::string& message) { return absl::UnauthenticatedError(message); }

absl::Status Cancelled() { return absl::CancelledError("Cancelled."); }

bool IsUserCancelled(const absl::Status& status) {
  return absl::IsCancelled(status) || ClassOf(status) == v1::ERROR_CLASS_DENIED;
}

int ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kExitOk;
  if (IsUserCancelled(status)) return kExitCancelled;
  switch (ClassOf(status)) {
    case v1::ERROR_CLASS_UNSPECIFIED:
      return absl::IsUnauthenticated(status) ? kExitNotSignedIn : kExitError;
    case v1::ERROR_CLASS_REFRESH_TOKEN_REFUSED:
    case v1::ERROR_CLASS_ACCESS_TOKEN_REFUSED:
      return kExitNotSignedIn;
    default:
      return kExitError;
  }
}

std::string ErrorWordOf(const absl::Status& status) {
  if (status.ok()) return "";
  const ErrorClass error_class = ClassOf(status);
  if (error_class != v1::ERROR_CLASS_UNSPECIFIED) return std::string(NameOf(error_class));
  if (absl::IsCancelled(status)) return "USER_CANCELLED";
  if (absl::IsUnauthenticated(status)) return "NOT_SIGNED_IN";
  return IsNetworkError(status) ? "CLIENT_NETWORK" : "CLIENT_ERROR";
}

std::string AdviceFor(const absl::Status& status) {
  switch (ClassOf(status)) {
    case v1::ERROR_CLASS_UNKNOWN_PRODUCT:
      return "Check --product (or AUTHFLOW_PRODUCT) against the server's configuration.";
    case v1::ERROR_CLASS_FLOW_EXPIRED:
    case v1::ERROR_CLASS_FLOW_FINISHED:
    case v1::ERROR_CLASS_FLOW_NOT_FOUND:
    case v1::ERROR_CLASS_FLOW_TOKEN_INVALID:
    case v1::ERROR_CLASS_ATTEMPTS_EXHAUSTED:
    case v1::ERROR_CLASS_DENIED:
    case v1::ERROR_CLASS_CODE_REFUSED:
    case v1::ERROR_CLASS_CODE_USED:
    case v1::ERROR_CLASS_ANSWER_GONE:
      return "Run the command again to start anew.";
    case v1::ERROR_CLASS_DEVICE_GRANT_NOT_OFFERED:
      return "Run the command without --device; over SSH, with --no-browser.";
    case v1::ERROR_CLASS_CLIENT_NETWORK:
      return "Check --server (or AUTHFLOW_SERVER), and whether the server runs.";
    case v1::ERROR_CLASS_REDIRECT_URI_NOT_ALLOWED:
    case v1::ERROR_CLASS_PROVIDER_INVALID_RESPONSE:
    case v1::ERROR_CLASS_PROVIDER_REFUSED:
    case v1::ERROR_CLASS_PROVIDER_CLIENT_REFUSED:
    case v1::ERROR_CLASS_ID_TOKEN_INVALID:
    case v1::ERROR_CLASS_IDENTITY_MISSING:
    case v1::ERROR_CLASS_ISSUER_MISMATCH:
    case v1::ERROR_CLASS_STORE_FULL:
      return "Tell whoever runs the server, with the lines below.";
    case v1::ERROR_CLASS_SERVER_BUSY:
      return "Run the command again in a minute.";
    case v1::ERROR_CLASS_REFRESH_TOKEN_REFUSED:
    case v1::ERROR_CLASS_ACCESS_TOKEN_REFUSED:
      return kSignIn;
    case v1::ERROR_CLASS_CLIENT_PROFILE_WRITE:
      return "See to it that this can be written, and run the command again.";
    case v1::ERROR_CLASS_CLIENT_ERROR:
      return "Run the command again, with --debug to see more; if it stays so, report it.";
    case v1::ERROR_CLASS_UNSPECIFIED:
      return absl::IsUnauthenticated(status) ? kSignIn : "";
    default:
      return "";
  }
}

nlohmann::ordered_json DocumentOf(const Result& result) {
  nlohmann::ordered_json document;
  if (result.status.ok()) {
    document["status"] = "ok";
    if (!result.flow_id.empty()) document["flow_id"] = result.flow_id;
    document.update(result.document);
    return document;
  }
  document["status"] = IsUserCancelled(result.status) ? "cancelled" : "error";
  document["error_class"] = ErrorWordOf(result.status);
  document["message"] = std::string(result.status.message());
  document["flow_id"] =
      result.flow_id.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(result.flow_id);
  return document;
}

std::string NarrationOf(const Result& result) {
  if (result.status.ok()) return "";
  const bool cancelled = IsUserCancelled(result.status);
  std::string text = absl::StrCat(cancelled ? "" : "authflow: ", std::string(result.status.message()));
  const std::string advice = AdviceFor(result.status);
  if (!advice.empty()) absl::StrAppend(&text, "\n", advice);
  if (!result.flow_id.empty()) absl::StrAppend(&text, "\nFlow: ", result.flow_id);
  if (!cancelled) absl::StrAppend(&text, "\nError class: ", ErrorWordOf(result.status));
  return text;
}

}  // namespace authflow
