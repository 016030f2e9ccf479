// A file of JSON lines.
#ifndef AUTHFLOW_SERVER_DELIVERY_FILE_SINK_H_
#define AUTHFLOW_SERVER_DELIVERY_FILE_SINK_H_

#include <memory>
#include <string>

#include "server/delivery/sink.h"

namespace authflow {

// One message a line, appended and on disk (fdatasync) before it counts as delivered; batches that wait together share
// one sync. The file is made with mode 0600 when it does not exist; after a rotation (another inode, or none) the next
// batch goes to a new one. A line that was cut off by a crash was never acknowledged and is taken away before the next
// is written. Two processes must not write one file.
//
// Writes on a thread of its own. A full disk and other failed writes are retries ("disk_full", "write_failed"), a file
// that cannot be opened is an outage ("open_failed"). The destructor finishes what is queued.
std::shared_ptr<Sink> NewFileSink(std::string path);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_DELIVERY_FILE_SINK_H_
