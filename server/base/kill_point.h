// The places where tests/chaos lets the server die, so that it dies there, and not only somewhere.
#ifndef AUTHFLOW_SERVER_BASE_KILL_POINT_H_
#define AUTHFLOW_SERVER_BASE_KILL_POINT_H_

namespace authflow {

enum class KillPointName {
  kBeforeCommit,         // a batch is applied, nothing of it is on disk
  kAfterCommit,          // it is on disk, nobody has been answered
  kAfterProviderAnswer,  // the code is redeemed, the flow does not know it yet
  kAfterSinkAnswer,      // the sink has the events, the outbox still has them too
  kWhileDraining,        // several places of a stop
};

// Does nothing in authflowd. In authflowd_with_kill_points, which is made of the same objects, the process may end here
// by SIGKILL: see kill_point_on.cc. Any thread.
void KillPoint(KillPointName name);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_BASE_KILL_POINT_H_
