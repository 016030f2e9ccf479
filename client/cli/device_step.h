// The sign-in with a code that the person types in on any device (RFC 8628): another way through the browser's step.
#ifndef AUTHFLOW_CLIENT_CLI_DEVICE_STEP_H_
#define AUTHFLOW_CLIENT_CLI_DEVICE_STEP_H_

#include "client/cli/login_flow.h"

namespace authflow {

enum class DeviceWish {
  kAsked,  // by --device, or at the terminal: what is wrong is said, and with --device it is the answer
  kOffer,  // no browser opens here: if this does not work, the address that was shown is still good
};

// Asks for a code, shows it, and waits beside the browser; flow->device_answer has what came of it. A wait that runs
// already goes on. A refusal is no answer while the browser is another way.
void BeginDevice(LoginFlowPtr flow, DeviceWish wish);

// Ends that wait, if there is one; nothing is asked any more.
void EndDevice(LoginFlow& flow);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_DEVICE_STEP_H_
