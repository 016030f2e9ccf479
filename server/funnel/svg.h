// A funnel as a picture.
#ifndef AUTHFLOW_SERVER_FUNNEL_SVG_H_
#define AUTHFLOW_SERVER_FUNNEL_SVG_H_

#include <string>

#include "server/funnel/funnel.h"

namespace authflow {

// An <svg> for the page of page.cc, whose style sheet colours it. `id` is unique on the page. The picture says nothing
// that the tables beside it do not.
std::string DrawSvg(const Funnel& funnel, const std::string& id);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FUNNEL_SVG_H_
