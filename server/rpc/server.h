// The gRPC server: listener, TLS, keepalive, health, reflection, and an orderly end.
#ifndef AUTHFLOW_SERVER_RPC_SERVER_H_
#define AUTHFLOW_SERVER_RPC_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/secret.h"
#include "server/flow/detached.h"
#include "server/flow/use_cases.h"
#include "server/rpc/observer.h"

namespace authflow {

struct RpcServerOptions {
  std::string listen;           // HOST:PORT; port 0: any
  std::string tls_certificate;  // PEM, the chain; empty: plaintext
  Secret tls_key;               // PEM
};

// Not thread-safe, except that calls are served meanwhile. Destroy it when the nursery is empty: coroutines outlive
// calls.
class RpcServer {
 public:
  virtual ~RpcServer() = default;

  // As a client would dial it: HOST and the real port.
  virtual const std::string& address() const = 0;
  // Health (grpc.health.v1) says SERVING for the whole server and for each service, or NOT_SERVING.
  virtual void SetServing(bool serving) = 0;
  // Open watches end with `draining`, new ones at once.
  virtual void Drain() = 0;
  // Accepts nothing more; calls that still run after `patience` are cancelled. Returns when none is left.
  virtual void Shutdown(absl::Duration patience) = 0;
};

// Serves at once, with health NOT_SERVING. `world`, `nursery` and `observer` outlive the server and every coroutine
// that `nursery` counts. FAILED_PRECONDITION: the address cannot be listened on, or the certificate is no good.
absl::StatusOr<std::unique_ptr<RpcServer>> StartRpcServer(const RpcServerOptions& options, World& world,
                                                          Nursery& nursery, RpcObserver& observer);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_RPC_SERVER_H_
