// The pages that a login shows in the browser.
#ifndef AUTHFLOW_CLIENT_CLI_LOGIN_PAGES_H_
#define AUTHFLOW_CLIENT_CLI_LOGIN_PAGES_H_

#include "absl/status/status.h"
#include "authflow/v1/token_service.pb.h"
#include "client/cli/result_page.h"

namespace authflow {

ResultPage SignedInPage(const v1::Identity& identity);
// The code could not be used; a new page opens by itself.
ResultPage AnotherAttemptPage();
// A redirect that was not understood; the terminal goes on waiting.
ResultPage StrayPage();
// For an error: cancelled, declined or failed.
ResultPage EndPage(const absl::Status& status);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_LOGIN_PAGES_H_
