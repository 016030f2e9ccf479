// What the browser shows at the end: the truth about the login, readable on a phone and by a screen reader.
#ifndef AUTHFLOW_CLIENT_CLI_RESULT_PAGE_H_
#define AUTHFLOW_CLIENT_CLI_RESULT_PAGE_H_

#include <string>

namespace authflow {

struct ResultPage {
  enum Mood { kGood, kNeutral, kBad };
  int status = 200;
  Mood mood = kGood;
  std::string heading;  // plain text, escaped on the way out
  std::string text;     // the same
  std::string hint;     // the same; may be empty
};

// The whole HTTP response: nothing external, not stored, no referrer, the connection closes after it.
std::string HttpResponse(const ResultPage& page);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_RESULT_PAGE_H_
