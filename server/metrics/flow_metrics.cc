#include "server/metrics/flow_metrics.h"

#include <map>
#include <string_view>
#include <utility>
#include <variant>

#include "server/base/error_class.h"
#include "server/events/event.h"
#include "server/metrics/result.h"

namespace authflow {
namespace {

constexpr v1::FlowKind kKinds[] = {v1::FLOW_KIND_LOGIN, v1::FLOW_KIND_SIGNUP, v1::FLOW_KIND_REAUTHENTICATION};
constexpr v1::Step kSteps[] = {v1::STEP_BROWSER_WAIT, v1::STEP_CODE_EXCHANGE, v1::STEP_APPS_FETCH,
                               v1::STEP_APP_SELECT,   v1::STEP_APP_CREATE,    v1::STEP_PROFILE_CONFIGURE};

const prometheus::Histogram::BucketBoundaries kFlowSeconds = {1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800};
const prometheus::Histogram::BucketBoundaries kStepSeconds = {0.01, 0.05, 0.1, 0.25, 0.5, 1,   2.5,
                                                              5,    10,   30,  60,   120, 300, 600};
const prometheus::Histogram::BucketBoundaries kCallSeconds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                              0.5,   1,    2.5,   5,    10,  30};

// The step of a flow that ends is the last one it entered; unspecified: none yet.
constexpr v1::Step kAllSteps[] = {v1::STEP_UNSPECIFIED,      v1::STEP_BROWSER_WAIT, v1::STEP_CODE_EXCHANGE,
                                  v1::STEP_APPS_FETCH,       v1::STEP_APP_SELECT,   v1::STEP_APP_CREATE,
                                  v1::STEP_PROFILE_CONFIGURE};
// The provider's refusals, and ours of what it said.
constexpr ErrorClass kOfSignIn[] = {v1::ERROR_CLASS_ISSUER_MISMATCH,  v1::ERROR_CLASS_PROVIDER_UNREACHABLE,
                                    v1::ERROR_CLASS_PROVIDER_TIMEOUT, v1::ERROR_CLASS_PROVIDER_RATE_LIMITED,
                                    v1::ERROR_CLASS_PROVIDER_ERROR,   v1::ERROR_CLASS_PROVIDER_INVALID_RESPONSE,
                                    v1::ERROR_CLASS_PROVIDER_REFUSED, v1::ERROR_CLASS_PROVIDER_CLIENT_REFUSED,
                                    v1::ERROR_CLASS_CODE_REFUSED,     v1::ERROR_CLASS_ID_TOKEN_INVALID,
                                    v1::ERROR_CLASS_IDENTITY_MISSING};
constexpr ErrorClass kOfApplications[] = {
    v1::ERROR_CLASS_ACCESS_TOKEN_REFUSED,     v1::ERROR_CLASS_ACCESS_TOKEN_UNVERIFIABLE,
    v1::ERROR_CLASS_APPLICATION_NAME_INVALID, v1::ERROR_CLASS_APPLICATION_NAME_TAKEN,
    v1::ERROR_CLASS_REGION_NOT_OFFERED,       v1::ERROR_CLASS_APPLICATIONS_NOT_CONFIGURED};
constexpr ErrorClass kOfClients[] = {v1::ERROR_CLASS_CLIENT_ERROR, v1::ERROR_CLASS_CLIENT_PROFILE_WRITE,
                                     v1::ERROR_CLASS_CLIENT_PORTS_BUSY, v1::ERROR_CLASS_CLIENT_NOT_INTERACTIVE,
                                     v1::ERROR_CLASS_CLIENT_NETWORK};

std::string_view OutcomeName(const Outcome& outcome) {
  if (std::holds_alternative<Completed>(outcome)) return "completed";
  return std::holds_alternative<Aborted>(outcome) ? "aborted" : "failed";
}

}  // namespace

FlowMetrics::FlowMetrics(prometheus::Registry& registry, const std::vector<std::string>& products)
    : products_(products),
      started_(registry, "authflow_flows_started_total", "Flows that were started.", {"product", "kind"}),
      steps_(registry, "authflow_steps_entered_total", "Steps that flows entered.", {"product", "kind", "step"}),
      finished_(registry, "authflow_flows_finished_total",
                "Flows that ended: step is the last one, reason is set when aborted, error_class when failed.",
                {"product", "kind", "outcome", "step", "reason", "error_class"}),
      recorded_(registry, "authflow_flows_recorded_total",
                "Flows in the store, over restarts and replicas: started = completed + aborted + failed + active.",
                {"product", "kind", "state"}),
      active_(registry, "authflow_active_flows", "Flows that have not ended, counted in the store.",
              {"product", "kind"}),
      flow_duration_(registry, "authflow_flow_duration_seconds", "From the start of a flow to its end.",
                     {"product", "kind", "outcome"}, kFlowSeconds),
      step_duration_(registry, "authflow_step_duration_seconds", "From entering a step to what came next.",
                     {"product", "kind", "step"}, kStepSeconds),
      exchanges_(registry, "authflow_code_exchanges_total",
                 "Authorization codes posted to the provider; result is ok or the error class.", {"product", "result"}),
      exchange_duration_(registry, "authflow_code_exchange_duration_seconds",
                         "Code exchanges, id_token check included.", {"product"}, kCallSeconds),
      application_calls_(registry, "authflow_application_calls_total",
                         "Calls to the application directory; result is ok or the error class.",
                         {"product", "call", "result"}),
      application_call_duration_(registry, "authflow_application_call_duration_seconds",
                                 "Calls to the application directory.", {"product", "call"}, kCallSeconds),
      token_calls_(registry, "authflow_token_calls_total",
                   "Refresh and revocation at the provider; result is ok or the error class.",
                   {"product", "call", "result"}),
      token_call_duration_(registry, "authflow_token_call_duration_seconds", "Refresh and revocation at the provider.",
                           {"product", "call"}, kCallSeconds) {
  for (const std::string& product : products_) {
    for (const v1::FlowKind kind : kKinds) {
      const std::string_view name = KindName(kind);
      started_.With({product, name});
      active_.With({product, name});
      for (const char* state : {"started", "completed", "aborted", "failed"}) recorded_.With({product, name, state});
      for (const v1::Step step : kSteps) {
        steps_.With({product, name, StepName(step)});
        step_duration_.With({product, name, StepName(step)});
      }
      for (const char* outcome : {"completed", "aborted", "failed"}) flow_duration_.With({product, name, outcome});
      ExpectEnds(product, name);
    }
    exchanges_.With({product, "ok"});
    exchange_duration_.With({product});
    for (const char* call : {"list", "create"}) {
      application_calls_.With({product, call, "ok"});
      application_call_duration_.With({product, call});
    }
    for (const char* call : {"refresh", "revoke"}) {
      token_calls_.With({product, call, "ok"});
      token_call_duration_.With({product, call});
    }
  }
}

void FlowMetrics::ExpectEnds(const std::string& product, std::string_view kind) {
  const auto aborted = [&](v1::Step step, v1::AbortReason reason) {
    finished_.With({product, kind, "aborted", StepName(step), ReasonName(reason), ""});
  };
  const auto failed = [&](v1::Step step, ErrorClass error_class) {
    finished_.With({product, kind, "failed", StepName(step), "", NameOf(error_class)});
  };
  for (const v1::Step step : kAllSteps) {
    const bool before = step == v1::STEP_UNSPECIFIED || step == v1::STEP_BROWSER_WAIT;
    if (!before) finished_.With({product, kind, "completed", StepName(step), "", ""});
    if (before) aborted(step, v1::ABORT_REASON_DENIED);
    for (const v1::AbortReason reason :
         {v1::ABORT_REASON_USER_CANCELLED, v1::ABORT_REASON_CLIENT_LOST, v1::ABORT_REASON_EXPIRED}) {
      aborted(step, reason);
    }
    if (before || step == v1::STEP_CODE_EXCHANGE) {
      for (const ErrorClass error_class : kOfSignIn) failed(step, error_class);
    } else if (step != v1::STEP_PROFILE_CONFIGURE) {
      for (const ErrorClass error_class : kOfApplications) failed(step, error_class);
    }
    for (const ErrorClass error_class : kOfClients) failed(step, error_class);
  }
  failed(v1::STEP_BROWSER_WAIT, v1::ERROR_CLASS_DEVICE_GRANT_NOT_OFFERED);
}

void FlowMetrics::OnEntry(const Flow& before, const Flow& after, const Entry& entry) {
  const std::string& product = after.header.product;
  const std::string_view kind = KindName(after.header.kind);
  if (std::holds_alternative<Started>(entry.what)) started_.With({product, kind}).Increment();
  const bool entered = after.step != before.step || after.attempt != before.attempt;
  const bool ended = after.outcome.has_value();
  if ((entered || ended) && before.step != v1::STEP_UNSPECIFIED) {
    step_duration_.With({product, kind, StepName(before.step)})
        .Observe(absl::ToDoubleSeconds(entry.time - before.step_time));
  }
  if (entered && after.step != v1::STEP_UNSPECIFIED) steps_.With({product, kind, StepName(after.step)}).Increment();
  if (ended) OnEnded(after);
}

void FlowMetrics::OnEnded(const Flow& flow) {
  const std::string& product = flow.header.product;
  const std::string_view kind = KindName(flow.header.kind);
  const std::string_view outcome = OutcomeName(*flow.outcome);
  const auto* aborted = std::get_if<Aborted>(&*flow.outcome);
  const auto* failed = std::get_if<Failed>(&*flow.outcome);
  finished_
      .With({product, kind, outcome, StepName(flow.step), aborted != nullptr ? ReasonName(aborted->reason) : "",
             failed != nullptr ? NameOf(failed->error_class) : ""})
      .Increment();
  flow_duration_.With({product, kind, outcome}).Observe(absl::ToDoubleSeconds(flow.end - flow.header.start));
}

void FlowMetrics::OnCall(const std::string& product, const char* call, const absl::Status& status,
                         absl::Duration latency) {
  const std::string_view name = call;
  const std::string_view result = ResultName(status);
  const double seconds = absl::ToDoubleSeconds(latency);
  if (name == "exchange") {
    exchanges_.With({product, result}).Increment();
    exchange_duration_.With({product}).Observe(seconds);
  } else if (name == "list" || name == "create") {
    application_calls_.With({product, name, result}).Increment();
    application_call_duration_.With({product, name}).Observe(seconds);
  } else {
    token_calls_.With({product, name, result}).Increment();
    token_call_duration_.With({product, name}).Observe(seconds);
  }
}

void FlowMetrics::SetTotals(const std::vector<FlowTotals>& totals) {
  std::map<std::pair<std::string, v1::FlowKind>, FlowTotals> rows;
  for (const std::string& product : products_) {
    for (const v1::FlowKind kind : kKinds) rows[{product, kind}];
  }
  for (const FlowTotals& row : totals) rows[{row.product, row.kind}] = row;
  for (const auto& [key, row] : rows) {
    const std::string& product = key.first;
    const std::string_view kind = KindName(key.second);
    const std::pair<const char*, int64_t> states[] = {
        {"started", row.started}, {"completed", row.completed}, {"aborted", row.aborted}, {"failed", row.failed}};
    for (const auto& [state, count] : states) {
      prometheus::Counter& counter = recorded_.With({product, kind, state});
      counter.Increment(static_cast<double>(count) - counter.Value());
    }
    active_.With({product, kind}).Set(static_cast<double>(row.active));
  }
}

}  // namespace authflow
