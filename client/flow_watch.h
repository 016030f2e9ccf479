// A WatchFlow stream that opens itself again when it breaks, and asks GetFlow where streams are blocked.
#ifndef AUTHFLOW_CLIENT_FLOW_WATCH_H_
#define AUTHFLOW_CLIENT_FLOW_WATCH_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "authflow/v1/flow_service.grpc.pb.h"
#include "client/authflow_client.h"

namespace authflow {

std::unique_ptr<FlowWatch> StartFlowWatch(std::shared_ptr<v1::FlowService::Stub> stub, v1::WatchFlowRequest request,
                                          std::function<void(const v1::WatchFlowResponse&)> changed,
                                          std::function<void(absl::Status)> ended, std::function<void()> polls,
                                          absl::Duration poll_after);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_FLOW_WATCH_H_
