// A world for tests of the use cases: memory storage, a clock that stands still, and a provider whose answers a test
// holds.
#ifndef AUTHFLOW_SERVER_FLOW_TESTING_WORLD_H_
#define AUTHFLOW_SERVER_FLOW_TESTING_WORLD_H_

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "server/applications/local_directory.h"
#include "server/base/random.h"
#include "server/flow/use_cases.h"
#include "server/storage/faulty_storage.h"
#include "server/storage/storage.h"
#include "tests/support/run_task.h"

namespace authflow {

// Answers what it is told to; remembers what it was asked.
class FakeProvider final : public Provider {
 public:
  explicit FakeProvider(const Clock& clock) : clock_(clock) {}

  Task<absl::StatusOr<Secret>> AuthorizationUrl(AuthorizationRequest request) override {
    if (asked_for_url) asked_for_url();
    if (!discovery.ok()) co_return discovery;
    co_return Secret("https://id.example/authorize?state=" + request.state.Reveal());
  }
  Task<absl::Status> CheckIssuer(std::optional<std::string> iss) override {
    if (iss && *iss != "https://id.example") co_return Refusal(v1::ERROR_CLASS_ISSUER_MISMATCH, "another issuer");
    co_return absl::OkStatus();
  }
  Task<absl::StatusOr<SignedIn>> RedeemCode(CodeGrant grant) override {
    co_await Gate(grant.code);
    if (!redeems.ok()) co_return redeems;
    SignedIn signed_in;
    signed_in.tokens.access_token = Secret("access of " + grant.code.Reveal());
    signed_in.identity = Identity{.user_id = "user-1", .email = "a@example.com", .name = "A"};
    co_return signed_in;
  }
  Task<bool> OffersDeviceGrant() override { co_return device_starts.ok(); }
  Task<absl::StatusOr<DeviceAuthorization>> StartDevice(v1::FlowKind /*kind*/) override {
    if (!device_starts.ok()) co_return device_starts;
    DeviceAuthorization device;
    device.user_code = "ABCD-EFGH";
    device.verification_uri = "https://id.example/device";
    device.device_code = Secret("device code " + std::to_string(++devices_));
    device.expire = clock_.Now() + absl::Minutes(5);
    device.interval = absl::Seconds(5);
    co_return device;
  }
  // Answers in the order of `polls`; the last one is repeated.
  Task<absl::StatusOr<DeviceAnswer>> PollDevice(DeviceGrant grant) override {
    absl::StatusOr<DeviceAnswer> answer = NextPoll();
    co_await Gate(grant.device_code);
    if (answer.ok() && answer->state == DeviceAnswer::State::kSignedIn) {
      answer->signed_in.tokens.access_token = Secret("access of " + grant.device_code.Reveal());
      answer->signed_in.identity = Identity{.user_id = "user-1", .email = "a@example.com", .name = "A"};
    }
    co_return answer;
  }
  Task<absl::StatusOr<Tokens>> Refresh(Secret refresh_token) override {
    co_await Gate(refresh_token);
    if (!refreshes.ok()) co_return refreshes;
    Tokens tokens;
    tokens.access_token = Secret("refreshed " + std::to_string(posted()));
    co_return tokens;
  }
  Task<absl::Status> Revoke(Tokens tokens) override {
    absl::MutexLock lock(&mutex_);
    revoked_.push_back(tokens.access_token.Reveal());
    co_return absl::OkStatus();
  }
  Task<absl::StatusOr<std::string>> OwnerOf(Secret access_token) override {
    if (access_token.Reveal() != "good") co_return Refusal(v1::ERROR_CLASS_ACCESS_TOKEN_REFUSED, "refused");
    co_return "user-1";
  }

  // From now on calls of the token endpoint hang until Release().
  void Hold() {
    absl::MutexLock lock(&mutex_);
    held_ = true;
  }
  void Release() {
    std::vector<Done<int>> waiting;
    {
      absl::MutexLock lock(&mutex_);
      held_ = false;
      waiting.swap(waiting_);
    }
    for (auto& done : waiting) done(0);
  }
  // Blocks until so many calls of the token endpoint have come.
  void WaitForPosts(int count) {
    absl::MutexLock lock(&mutex_);
    const auto enough = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return static_cast<int>(posted_.size()) >= count; };
    mutex_.Await(absl::Condition(&enough));
  }
  int posted() {
    absl::MutexLock lock(&mutex_);
    return static_cast<int>(posted_.size());
  }
  std::vector<std::string> revoked() {
    absl::MutexLock lock(&mutex_);
    return revoked_;
  }

  // When each poll came.
  std::vector<absl::Time> poll_times() {
    absl::MutexLock lock(&mutex_);
    return poll_times_;
  }
  void Polls(std::vector<absl::StatusOr<DeviceAnswer::State>> polls) {
    absl::MutexLock lock(&mutex_);
    polls_ = {polls.begin(), polls.end()};
  }

  std::function<void()> asked_for_url;
  absl::Status discovery;
  absl::Status device_starts;
  absl::Status redeems;
  absl::Status refreshes;

 private:
  Task<void> Gate(Secret what) {
    auto start = [this, what](Done<int> done) {
      {
        absl::MutexLock lock(&mutex_);
        posted_.push_back(what.Reveal());
        if (held_) {
          waiting_.push_back(std::move(done));
          return;
        }
      }
      done(0);
    };
    co_await Await<int>(std::move(start));
  }

  absl::StatusOr<DeviceAnswer> NextPoll() {
    absl::MutexLock lock(&mutex_);
    poll_times_.push_back(clock_.Now());
    const absl::StatusOr<DeviceAnswer::State> state = polls_.front();
    if (polls_.size() > 1) polls_.pop_front();
    if (!state.ok()) return state.status();
    DeviceAnswer answer;
    answer.state = *state;
    return answer;
  }

  const Clock& clock_;
  std::atomic<int> devices_ = 0;
  absl::Mutex mutex_;
  std::deque<absl::StatusOr<DeviceAnswer::State>> polls_ ABSL_GUARDED_BY(mutex_) = {DeviceAnswer::State::kPending};
  std::vector<absl::Time> poll_times_ ABSL_GUARDED_BY(mutex_);
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Done<int>> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> posted_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> revoked_ ABSL_GUARDED_BY(mutex_);
};

class CountingObserver final : public FlowObserver {
 public:
  void OnEntry(const Flow&, const Flow&, const Entry&) override {}
  void OnCall(const std::string&, const char*, const absl::Status&, absl::Duration) override {}
};

// One server without a wire. Members in the order in which they need one another.
class TestingWorld {
 public:
  FakeClock clock{absl::FromUnixSeconds(1'800'000'000)};
  Keys keys{std::vector<Secret>{Secret(std::string(32, 'k'))}};
  std::unique_ptr<FaultyStorage> storage = std::make_unique<FaultyStorage>(NewMemoryStorage(clock));
  std::shared_ptr<FakeProvider> provider = std::make_shared<FakeProvider>(clock);
  absl::flat_hash_map<std::string, Product> products = Products();
  CountingObserver observer;
  FlowCache cache{1000};
  WatchHub watches{clock};
  Nursery nursery;
  Shared<SignedIn> exchanges{nursery, absl::Seconds(60)};
  Shared<Tokens> refreshes{nursery, absl::Seconds(60)};
  // Nobody waits in a test: the clock goes on by as much.
  DevicePace device_pace{[this](absl::Duration duration, Done<bool> woken) {
    clock.Advance(duration);
    woken(true);
  }};
  World world{.clock = clock,
              .keys = keys,
              .flows = storage->flows(),
              .invocations = storage->invocations(),
              .observer = observer,
              .products = products,
              .cache = cache,
              .watches = watches,
              .exchanges = exchanges,
              .refreshes = refreshes,
              .device_pace = device_pace,
              .executor = TestExecutor()};

  ~TestingWorld() { nursery.WaitUntilEmpty(absl::InfiniteDuration()); }

  NewFlow Request() {
    NewFlow request;
    request.request_id = RandomUuid(clock.Now());
    request.product = "tool";
    request.kind = v1::FLOW_KIND_LOGIN;
    request.redirect_uri = "http://127.0.0.1:5000/callback";
    request.invocation.set_invocation_id(RandomUuid(clock.Now()).ToString());
    request.invocation.set_anonymous_id("anonymous");
    request.invocation.set_command("tool login");
    return request;
  }
  absl::StatusOr<OpenedFlow> Start(NewFlow request) { return Wait(StartFlow(world, std::move(request))); }
  OpenedFlow Started() {
    absl::StatusOr<OpenedFlow> opened = Start(Request());
    return *std::move(opened);
  }
  FlowToken Token(const OpenedFlow& flow) { return *keys.OpenFlowToken(flow.token.Reveal()); }
  absl::StatusOr<SignedIn> Exchange(const OpenedFlow& flow, const std::string& code) {
    return Wait(ExchangeCode(world, Token(flow), Redirect(flow, code)));
  }
  static Secret Redirect(const OpenedFlow& flow, const std::string& code) {
    return Secret("code=" + code + "&state=" + flow.state.Reveal() + "&iss=https%3A%2F%2Fid.example");
  }
  absl::StatusOr<OpenedFlow> Step(const OpenedFlow& flow, v1::Step step) {
    return Wait(RecordStep(world, Token(flow), step));
  }
  absl::StatusOr<SharedFlow> Finish(const OpenedFlow& flow, Outcome outcome) {
    return Wait(FinishFlow(world, Token(flow), outcome));
  }
  Flow Now(const OpenedFlow& flow) { return **Wait(GetFlow(world, Token(flow))); }

  // All events that wait for the sink, in order.
  std::vector<v1::FunnelEvent> Events() {
    std::vector<v1::FunnelEvent> events;
    while (true) {
      auto claim = Wait(storage->outbox().ClaimLane("tool", "test", clock.Now(), absl::Minutes(1), 1000));
      if (!claim.ok() || !*claim) return events;
      std::vector<int64_t> ids;
      for (const OutboxEvent& event : (*claim)->events) {
        ids.push_back(event.id);
        events.push_back(event.event);
      }
      (void)Wait(storage->outbox().Settle((*claim)->lane, "test", ids, {}, clock.Now()));
    }
  }

 private:
  absl::flat_hash_map<std::string, Product> Products() {
    Product tool;
    tool.id = "tool";
    tool.provider = provider;
    tool.applications = NewLocalDirectory("tool", {"eu", "us"}, storage->applications(), clock, keys);
    Product other = tool;
    other.id = "other";
    return {{"tool", tool}, {"other", other}};
  }
};

// What they are, by the catalogue's names.
inline std::vector<std::string> Names(const std::vector<v1::FunnelEvent>& events) {
  std::vector<std::string> names;
  for (const auto& event : events) {
    names.push_back(v1::FunnelEvent::descriptor()->FindFieldByNumber(event.event_case())->name());
  }
  return names;
}

// Sixteen threads make one call each at once; their answers.
template <typename Call>
auto AtOnce(Call call) {
  std::vector<decltype(call())> answers(16, absl::UnknownError("not called"));
  std::vector<std::thread> threads;
  for (auto& answer : answers) threads.emplace_back([&answer, &call] { answer = call(); });
  for (auto& thread : threads) thread.join();
  return answers;
}

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_FLOW_TESTING_WORLD_H_
