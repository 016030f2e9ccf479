// Text for HTML.
#ifndef AUTHFLOW_SERVER_FUNNEL_HTML_H_
#define AUTHFLOW_SERVER_FUNNEL_HTML_H_

#include <string>
#include <string_view>

namespace authflow {

// For text and for attributes in double quotes.
std::string EscapeHtml(std::string_view text);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FUNNEL_HTML_H_
