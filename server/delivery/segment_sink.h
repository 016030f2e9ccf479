// Segment's HTTP tracking API, or anything that speaks it.
#ifndef AUTHFLOW_SERVER_DELIVERY_SEGMENT_SINK_H_
#define AUTHFLOW_SERVER_DELIVERY_SEGMENT_SINK_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/http/http_client.h"
#include "server/base/secret.h"
#include "server/delivery/sink.h"

namespace authflow {

struct SegmentOptions {
  std::string endpoint = "https://api.segment.io";  // "/v1/batch" is appended
  Secret write_key;
  absl::Duration timeout = absl::Seconds(30);  // of one request
  std::string ca_file;                         // PEM; empty: the system's
};

// What an answer of POST /v1/batch means. The body says nothing that we need.
//   2xx              delivered
//   400, 413, 422    refused: content
//   408, 425, 429, 5xx, no connection, no answer in time   retry
//   401, 403, 404 and every other status   outage: the endpoint or the key is wrong, not an event
Delivery ClassifySegmentAnswer(const absl::StatusOr<HttpResponse>& answer, absl::Time now);

// `http` and `clock` outlive it.
std::shared_ptr<Sink> NewSegmentSink(SegmentOptions options, HttpClient& http, const Clock& clock);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_DELIVERY_SEGMENT_SINK_H_
