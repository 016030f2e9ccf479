// Writes of flows and invocations: entries, milestones, and the events that they cause.
#ifndef AUTHFLOW_SERVER_STORAGE_FUNNEL_WRITES_H_
#define AUTHFLOW_SERVER_STORAGE_FUNNEL_WRITES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/task.h"
#include "server/flow/flow_store.h"
#include "server/storage/entry_codec.h"
#include "server/storage/funnel_codec.h"
#include "server/storage/writer.h"

namespace authflow {

// FlowStore::AppendEntry.
class AppendWrite final : public Write {
 public:
  // Encodes here, on the caller's thread.
  explicit AppendWrite(const Append& append);
  void set_done(Done<absl::StatusOr<bool>> done) { done_ = std::move(done); }

  Key key() const override { return {flow_id_, entry_.number, invocation_id_}; }
  absl::Status Apply(Database& database, int64_t now) override;
  std::optional<bool> Happened(Database& database) override;
  void Finish(const absl::Status& status) override;
  const std::string* grown() const override { return grown_ ? &product_ : nullptr; }

 private:
  const FlowId flow_id_;
  const std::string product_;
  const v1::FlowKind kind_;
  const InvocationId invocation_id_;
  const EncodedEntry entry_;
  const char* const ended_as_;  // the total that the end adds to; null: no end
  const std::vector<EncodedEvent> events_;
  const std::optional<EncodedInvocation> invocation_;
  const std::string learned_user_id_;
  const int64_t due_at_;
  const int64_t tag_;  // random: who wrote this entry
  Done<absl::StatusOr<bool>> done_;
  bool won_ = false;
  bool grown_ = false;
};

// FlowStore::Postpone.
class PostponeWrite final : public Write {
 public:
  PostponeWrite(const FlowId& flow_id, absl::Time due_at, Done<absl::Status> done)
      : flow_id_(flow_id), due_at_(absl::ToUnixMicros(due_at)), done_(std::move(done)) {}

  Key key() const override { return {.flow_id = flow_id_}; }
  absl::Status Apply(Database& database, int64_t now) override;
  void Finish(const absl::Status& status) override { done_(status); }

 private:
  const FlowId flow_id_;
  const int64_t due_at_;
  const Done<absl::Status> done_;
};

// InvocationStore::Pass.
class PassWrite final : public Write {
 public:
  PassWrite(std::string product, const InvocationId& id, const v1::Invocation& base, Milestone milestone,
            const Event& event, Done<absl::StatusOr<bool>> done);

  Key key() const override { return {.invocation_id = id_}; }
  absl::Status Apply(Database& database, int64_t now) override;
  void Finish(const absl::Status& status) override;
  const std::string* grown() const override { return grown_ ? &product_ : nullptr; }

 private:
  const std::string product_;
  const InvocationId id_;
  const EncodedInvocation base_;
  const Milestone milestone_;
  const std::vector<EncodedEvent> events_;
  const Done<absl::StatusOr<bool>> done_;
  bool passed_ = false;
  bool grown_ = false;
};

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_STORAGE_FUNNEL_WRITES_H_
