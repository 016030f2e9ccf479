// The StartFlow that every program of the load sends: a login of a run of its own.
#ifndef AUTHFLOW_TESTS_BENCH_START_REQUEST_H_
#define AUTHFLOW_TESTS_BENCH_START_REQUEST_H_

#include <string>

#include "absl/time/clock.h"
#include "authflow/v1/flow_service.pb.h"
#include "server/base/random.h"

namespace authflow {

inline void FillStart(const std::string& product, v1::StartFlowRequest& request) {
  const absl::Time now = absl::Now();
  request.set_request_id(RandomUuid(now).ToString());
  request.set_product(product);
  request.set_kind(v1::FLOW_KIND_LOGIN);
  request.set_redirect_uri("http://127.0.0.1:45678/callback");
  v1::Invocation& invocation = *request.mutable_invocation();
  invocation.set_invocation_id(RandomUuid(now).ToString());
  invocation.set_anonymous_id(RandomUuid(now).ToString());
  invocation.set_command("tool login");
  invocation.set_version("1.2.3");
  invocation.set_operating_system("linux");
}

}  // namespace authflow

#endif  // AUTHFLOW_TESTS_BENCH_START_REQUEST_H_
