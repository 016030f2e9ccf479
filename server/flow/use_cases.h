// The use cases in the order of a login: what each RPC does, once its request is known to be well-formed.
//
// A FlowToken says that the caller presented the flow's token: the capability check is made where it is opened.
// Each runs on the caller's executor and never blocks it. Arguments by value: a coroutine outlives its caller's
// references. Errors are refusals (server/base/error_class.h).
#ifndef AUTHFLOW_SERVER_FLOW_USE_CASES_H_
#define AUTHFLOW_SERVER_FLOW_USE_CASES_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "authflow/v1/events.pb.h"
#include "authflow/v1/invocation.pb.h"
#include "server/applications/directory.h"
#include "server/base/clock.h"
#include "server/base/keys.h"
#include "server/base/task.h"
#include "server/flow/detached.h"
#include "server/flow/device_pace.h"
#include "server/flow/flow.h"
#include "server/flow/flow_cache.h"
#include "server/flow/flow_store.h"
#include "server/flow/observer.h"
#include "server/flow/watch_hub.h"
#include "server/provider/provider.h"

namespace authflow {

// What StartFlow accepts as redirect_uri; see Redirect in the configuration.
struct RedirectRules {
  std::string host = "127.0.0.1";
  std::string path = "/callback";
  std::vector<int> ports;         // empty: any
  std::vector<std::string> uris;  // exact

  bool Allows(const std::string& uri) const;
  // For a pasted redirect: nobody listens there.
  std::string Pasted() const;
  // All that a client may use, separated by spaces; port 0 stands for any.
  std::string Listed() const;
};

// One CLI that uses this server. Immutable after start.
struct Product {
  std::string id;
  RedirectRules redirect;
  absl::Duration flow_expiry = absl::Minutes(30);
  absl::Duration browser_wait = absl::Minutes(10);
  absl::Duration exchange = absl::Seconds(30);
  std::shared_ptr<Provider> provider;
  std::shared_ptr<ApplicationDirectory> applications;
};

// All that the use cases reach, owned by main; outlives every coroutine.
struct World {
  const Clock& clock;
  const Keys& keys;
  FlowStore& flows;
  InvocationStore& invocations;
  FlowObserver& observer;
  const absl::flat_hash_map<std::string, Product>& products;
  FlowCache& cache;
  WatchHub& watches;
  // Shared work that outlives the call that began it: see flow/detached.h.
  Shared<SignedIn>& exchanges;
  Shared<Tokens>& refreshes;
  DevicePace& device_pace;
  Executor executor;  // where detached work goes on; blocking.never
};

struct NewFlow {
  Uuid request_id;
  std::string product;
  v1::FlowKind kind = v1::FLOW_KIND_UNSPECIFIED;
  std::string redirect_uri;  // empty: pasted
  bool no_browser = false;
  v1::Invocation invocation;
  std::string login_hint;
  std::shared_ptr<const void> ticket;  // of a start that waits; let go of when it is recorded
};

// A flow with what the client needs to send the browser.
struct OpenedFlow {
  SharedFlow flow;
  Secret token;
  Secret authorization_url;  // empty when the browser is not to be sent anywhere
  Secret state;
  bool device_grant = false;  // StartFlow: the provider has it
};

// A sign-in with a code that the person types in elsewhere.
struct StartedDevice {
  SharedFlow flow;
  Secret device_code;  // sealed, for AwaitDevice
  std::string user_code;
  std::string verification_uri;
  std::string verification_uri_complete;  // empty: none
  absl::Duration lasts;                   // until the code or the flow ends, whichever is first
};

// A caller of the application calls: in a flow or outside.
struct Caller {
  std::string product;
  std::optional<FlowToken> flow_token;
  Secret access_token;
};

Task<absl::StatusOr<OpenedFlow>> StartFlow(World& world, NewFlow request);
// The token is that of OpenedFlow, empty.
Task<absl::StatusOr<OpenedFlow>> RecordStep(World& world, FlowToken token, v1::Step step);
Task<absl::StatusOr<SignedIn>> ExchangeCode(World& world, FlowToken token, Secret redirect_query);
Task<absl::StatusOr<StartedDevice>> StartDevice(World& world, FlowToken token);
// nullopt: the person has not decided; call again. `gone()`, from any thread: nobody waits any more, the provider is
// not asked again.
Task<absl::StatusOr<std::optional<SignedIn>>> AwaitDevice(World& world, FlowToken token, Secret device_code,
                                                          std::function<bool()> gone);
Task<absl::StatusOr<ApplicationPage>> ListApplications(World& world, Caller caller, int page_size,
                                                       std::string page_token);
Task<absl::StatusOr<Application>> CreateApplication(World& world, Caller caller, NewApplication application);
Task<absl::StatusOr<SharedFlow>> FinishFlow(World& world, FlowToken token, Outcome outcome);
// From the store, not from a cache.
Task<absl::StatusOr<SharedFlow>> GetFlow(World& world, FlowToken token);

// WatchFlow: appends *attached* and registers with the hub (flow/watch_hub.h), which calls back at each change.
struct Attachment {
  SharedFlow flow;               // as of now
  int64_t number = 0;            // of the *attached* entry; 0 when the flow had ended
  std::shared_ptr<Watch> watch;  // unregisters when the last owner lets go; null when the flow had ended
};
Task<absl::StatusOr<Attachment>> WatchFlow(World& world, FlowToken token, std::function<void()> changed);

Task<absl::StatusOr<Tokens>> RefreshToken(World& world, std::string product, Secret refresh_token);
// True: the provider confirmed. `invocation` unset: nothing is recorded.
Task<absl::StatusOr<bool>> RevokeToken(World& world, std::string product, Tokens tokens,
                                       std::optional<v1::Invocation> invocation);

Task<absl::Status> StartCommand(World& world, std::string product, v1::Invocation invocation);
Task<absl::Status> FinishCommand(World& world, std::string product, InvocationId invocation_id,
                                 v1::CommandCompleted completed);

// Body of a ticker: ends what is overdue, at most `limit` flows. Any replica, any number of times. How many it looked
// at.
Task<absl::StatusOr<int>> CloseOverdueFlows(World& world, int limit);

// Body of a ticker: ends the flows whose watch broke on this replica and whose grace period is over, unless there was a
// sign of life on any replica; at most `limit`. How many it looked at.
Task<int> LoseClients(World& world, int limit);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FLOW_USE_CASES_H_
