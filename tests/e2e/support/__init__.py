"""What the end-to-end tests and the demo stand on."""

import os

# Programs are started while channels are open. gRPC would wait for its own threads at each fork, for ever while a channel
# reconnects; a child that becomes another program at once has no use for them.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
