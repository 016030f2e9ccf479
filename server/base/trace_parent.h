// Which trace of its own a caller says that a call belongs to.
#ifndef AUTHFLOW_SERVER_BASE_TRACE_PARENT_H_
#define AUTHFLOW_SERVER_BASE_TRACE_PARENT_H_

#include <string>
#include <string_view>

namespace authflow {

// The trace id, 32 lower-case hex digits, of a traceparent (W3C Trace Context, 3.2.2: of version 00, or of a later one
// that begins alike); empty when it is not of that form.
std::string TraceIdOf(std::string_view traceparent);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_TRACE_PARENT_H_
