#include "client/cli/login_pages.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/error_class.h"

namespace authflow {

ResultPage SignedInPage(const v1::Identity& identity) {
  const std::string& who = !identity.email().empty()  ? identity.email()
                           : !identity.name().empty() ? identity.name()
                                                      : identity.user_id();
  return {.status = 200,
          .mood = ResultPage::kGood,
          .heading = "You are signed in",
          .text = absl::StrCat("Signed in as ", who, "."),
          .hint = "You can close this page and go back to your terminal."};
}

ResultPage AnotherAttemptPage() {
  return {
      .status = 200,
      .mood = ResultPage::kNeutral,
      .heading = "Once more, please",
      .text = "The sign-in could not be finished this time, and you are not signed in yet.",
      .hint = "A new page opens by itself. If it does not, your terminal shows its address. You can close this one."};
}

ResultPage StrayPage() {
  return {.status = 400,
          .mood = ResultPage::kBad,
          .heading = "This answer was not understood",
          .text = "What your browser brought is not the end of a sign-in, and you are not signed in yet.",
          .hint = "Your terminal is still waiting: use the sign-in page that it opened."};
}

ResultPage EndPage(const absl::Status& status) {
  if (ClassOf(status) == v1::ERROR_CLASS_DENIED) {
    return {.status = 200,
            .mood = ResultPage::kNeutral,
            .heading = "You declined the sign-in",
            .text = "You are not signed in, and nothing was shared.",
            .hint = "To sign in after all, run the command in your terminal again."};
  }
  if (absl::IsCancelled(status)) {
    return {.status = 200,
            .mood = ResultPage::kNeutral,
            .heading = "The sign-in was cancelled",
            .text = "It was stopped in the terminal, and you are not signed in.",
            .hint = "To sign in, run the command in your terminal again."};
  }
  return {.status = 200,
          .mood = ResultPage::kBad,
          .heading = "The sign-in failed",
          .text = absl::StrCat("You are not signed in. ", std::string(status.message())),
          .hint = "Your terminal says more. To try again, run the command there again."};
}

}  // namespace authflow
