// RPCs as coroutines.
#ifndef AUTHFLOW_CLIENT_CLI_RPC_H_
#define AUTHFLOW_CLIENT_CLI_RPC_H_

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "client/authflow_client.h"
#include "server/base/task.h"

namespace authflow {

template <typename Request, typename Response>
using Method = Call (Client::*)(Request, CallOptions, Answer<Response>);

// Sends `request` and gives the answer. Cancelling the coroutine cancels the call.
template <typename Request, typename Response>
Task<absl::StatusOr<Response>> Send(std::shared_ptr<Client> client, Method<Request, Response> method, Request request,
                                    CallOptions options) {
  using Result = absl::StatusOr<Response>;
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>, void(Result)>(
      [](auto handler, std::shared_ptr<Client> client, Method<Request, Response> method, Request request,
         CallOptions options) {
        auto executor = boost::asio::get_associated_executor(handler);
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        const Call call = (client.get()->*method)(std::move(request), options, [shared, executor, slot](Result result) {
          boost::asio::post(executor, [shared, slot, result = std::move(result)]() mutable {
            if (slot.is_connected()) slot.clear();
            auto handler = std::move(*shared);
            std::move(handler)(std::move(result));
          });
        });
        // The answer is posted, so it cannot have come in between.
        if (slot.is_connected()) slot.assign([call](boost::asio::cancellation_type) { call.Cancel(); });
      },
      boost::asio::use_awaitable_t<Executor>(), std::move(client), method, std::move(request), options);
}

// Sends `request`; `answered` is called on `executor`. Nothing cancels it.
template <typename Request, typename Response, typename Answered>
Call SendDetached(Executor executor, Client& client, Method<Request, Response> method, Request request,
                  CallOptions options, Answered answered) {
  return (client.*method)(
      std::move(request), options, [executor, answered = std::move(answered)](absl::StatusOr<Response> result) {
        boost::asio::post(executor, [answered, result = std::move(result)]() mutable { answered(std::move(result)); });
      });
}

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_RPC_H_
