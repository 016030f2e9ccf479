// One fixture for every kind of storage: each contract test runs over all of them.
#ifndef AUTHFLOW_TESTS_CONFORMANCE_STORE_TEST_H_
#define AUTHFLOW_TESTS_CONFORMANCE_STORE_TEST_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/base/error_class.h"
#include "server/base/random.h"
#include "server/storage/storage.h"
#include "tests/support/run_task.h"

namespace authflow {

inline constexpr char kProduct[] = "acme";

// A folder that is gone with the object.
class TempFolder {
 public:
  TempFolder() {
    std::string path = testing::TempDir() + "/storeXXXXXX";
    if (mkdtemp(path.data()) == nullptr) abort();
    path_ = path;
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline FlowId NewId() { return RandomUuid(absl::FromUnixSeconds(1700000000)); }

inline v1::Invocation BaseOf(const InvocationId& id) {
  v1::Invocation base;
  base.set_invocation_id(id.ToString());
  base.set_anonymous_id("anonymous");
  base.set_command("acme login");
  base.set_version("1.2.3");
  base.add_flags("region");
  base.set_is_ci(true);
  return base;
}

inline v1::Invocation OptedOut(const InvocationId& id) {
  v1::Invocation base = BaseOf(id);
  base.set_do_not_track(true);
  return base;
}

// Runs `body(0)` to `body(count - 1)` at once, each on a thread of its own.
inline void AtOnce(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  threads.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) threads.emplace_back([&body, i] { body(i); });
  for (std::thread& thread : threads) thread.join();
}

// A flow as a test drives it.
struct TestFlow {
  FlowId id = NewId();
  InvocationId invocation = NewId();
  std::string product = kProduct;
  v1::FlowKind kind = v1::FLOW_KIND_LOGIN;

  Append Of(int64_t number, What what, absl::Time time) const {
    Append append;
    append.flow_id = id;
    append.product = product;
    append.kind = kind;
    append.invocation_id = invocation;
    append.entry.number = number;
    append.entry.time = time;
    append.entry.what = std::move(what);
    return append;
  }
};

struct StorageKind {
  const char* name;
  absl::StatusOr<std::unique_ptr<Storage>> (*open)(const std::string& folder, const Clock& clock);
};

inline std::vector<StorageKind> StorageKinds() {
  return {{"Memory",
           [](const std::string&, const Clock& clock) -> absl::StatusOr<std::unique_ptr<Storage>> {
             return NewMemoryStorage(clock);
           }},
          {"Sqlite", [](const std::string& folder, const Clock& clock) { return OpenSqlite(folder, clock, nullptr); }}};
}

class StoreTest : public testing::TestWithParam<StorageKind> {
 protected:
  void SetUp() override {
    auto opened = GetParam().open(folder_.path(), clock_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    storage_ = *std::move(opened);
  }

  FlowStore& flows() { return storage_->flows(); }
  InvocationStore& invocations() { return storage_->invocations(); }
  Outbox& outbox() { return storage_->outbox(); }
  absl::Time now() const { return clock_.Now(); }

  // These expect the store to answer, and say what it answered.
  bool Add(const Append& append) {
    const auto won = Wait(flows().AppendEntry(append));
    EXPECT_TRUE(won.ok()) << won.status();
    return won.ok() && *won;
  }
  bool Add(const TestFlow& flow, int64_t number, What what) { return Add(flow.Of(number, std::move(what), now())); }

  Append StartOf(const TestFlow& flow, absl::Duration due = absl::Minutes(30)) {
    Header header;
    header.id = flow.id;
    header.product = flow.product;
    header.kind = flow.kind;
    header.invocation = flow.invocation;
    header.start = now();
    header.expire = now() + due;
    Append append = flow.Of(1, Started{header}, now());
    append.due_at = now() + due;
    append.invocation = BaseOf(flow.invocation);
    append.events = {AuthStartedEvent(flow.id, flow.kind, false, now())};
    return append;
  }
  void Start(const TestFlow& flow, absl::Duration due = absl::Minutes(30)) { ASSERT_TRUE(Add(StartOf(flow, due))); }

  Append EndOf(const TestFlow& flow, int64_t number) {
    Append append = flow.Of(number, Ended{Completed{}}, now());
    append.events = {AuthCompletedEvent(flow.id, flow.kind, absl::Seconds(1), now())};
    return append;
  }

  std::vector<Entry> Log(const FlowId& id) {
    auto log = Wait(flows().Load(id));
    EXPECT_TRUE(log.ok()) << log.status();
    return log.ok() ? *std::move(log) : std::vector<Entry>();
  }

  bool Pass(const v1::Invocation& base, Milestone milestone, const Event& event) {
    const auto passed = Wait(invocations().Pass(kProduct, base, milestone, event));
    EXPECT_TRUE(passed.ok()) << passed.status();
    return passed.ok() && *passed;
  }
  bool Invoke(const v1::Invocation& base) {
    const auto id = *Uuid::Parse(base.invocation_id());
    return Pass(base, Milestone::kInvoked, CommandInvokedEvent(kProduct, base.anonymous_id(), id, now()));
  }
  bool Complete(const v1::Invocation& base) {
    const auto id = *Uuid::Parse(base.invocation_id());
    const v1::CommandCompleted completed;
    return Pass(base, Milestone::kCompleted,
                CommandCompletedEvent(kProduct, base.anonymous_id(), id, completed, now()));
  }

  std::optional<Claim> ClaimOne(const std::string& holder = "me", int max_events = 100,
                                absl::Duration lease = absl::Seconds(30)) {
    auto claim = Wait(outbox().ClaimLane(kProduct, holder, now(), lease, max_events));
    EXPECT_TRUE(claim.ok()) << claim.status();
    return claim.ok() ? *std::move(claim) : std::nullopt;
  }
  bool Settle(const Claim& claim, const std::vector<int64_t>& delivered, const std::vector<DeadEvent>& dead = {},
              absl::Time not_before = absl::UnixEpoch()) {
    const auto settled = Wait(outbox().Settle(claim.lane, claim.holder, delivered, dead, not_before));
    EXPECT_TRUE(settled.ok()) << settled.status();
    return settled.ok() && *settled;
  }

  // Everything undelivered of the product, lane by lane; delivered afterwards.
  std::vector<v1::FunnelEvent> Drain() {
    std::vector<v1::FunnelEvent> events;
    while (const auto claim = ClaimOne("drain")) {
      std::vector<int64_t> ids;
      for (const OutboxEvent& event : claim->events) {
        ids.push_back(event.id);
        events.push_back(event.event);
      }
      if (!Settle(*claim, ids)) break;
    }
    return events;
  }

  OutboxStats Stats() {
    const auto stats = Wait(outbox().Stats());
    EXPECT_TRUE(stats.ok()) << stats.status();
    for (const OutboxStats& one : *stats) {
      if (one.product == kProduct) return one;
    }
    return {};
  }

  TempFolder folder_;
  FakeClock clock_{absl::FromUnixSeconds(1700000000)};
  std::unique_ptr<Storage> storage_;
};

inline std::string StorageName(const testing::TestParamInfo<StorageKind>& info) { return info.param.name; }

}  // namespace authflow

#endif  // AUTHFLOW_TESTS_CONFORMANCE_STORE_TEST_H_
