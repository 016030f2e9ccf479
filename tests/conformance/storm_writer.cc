// Writes to a database as fast as it can until it is killed, and prints each entry that was acknowledged: "FLOW
// NUMBER".
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <cstdio>
#include <string>

#include "server/base/random.h"
#include "server/storage/storage.h"
#include "tests/support/run_task.h"

namespace authflow {
namespace {

constexpr int64_t kEntries = 6;

void Print(const FlowId& id, int64_t number) {
  const std::string line = id.ToString() + " " + std::to_string(number) + "\n";
  if (write(STDOUT_FILENO, line.data(), line.size()) < 0) _exit(1);  // one write: lines do not mix
}

Append EntryOf(const FlowId& id, const InvocationId& invocation, int64_t number, absl::Time now) {
  Append append;
  append.flow_id = id;
  append.product = "acme";
  append.kind = v1::FLOW_KIND_LOGIN;
  append.invocation_id = invocation;
  append.entry.number = number;
  append.entry.time = now;
  append.entry.what = Attached{};
  if (number == 1) {
    Header header;
    header.id = id;
    header.product = append.product;
    append.entry.what = Started{header};
    v1::Invocation base;
    base.set_invocation_id(invocation.ToString());
    append.invocation = base;
    append.events.push_back(AuthStartedEvent(id, append.kind, false, now));
  } else if (number == kEntries) {
    append.entry.what = Ended{Completed{}};
    append.events.push_back(AuthCompletedEvent(id, append.kind, absl::Seconds(1), now));
  }
  return append;
}

// One whole flow after another; false when one is refused.
Task<bool> Storm(FlowStore* flows, const Clock* clock, InvocationId invocation) {
  bool well = true;
  while (well) {
    const FlowId id = RandomUuid(clock->Now());
    for (int64_t number = 1; well && number <= kEntries; ++number) {
      Append append = EntryOf(id, invocation, number, clock->Now());
      const auto won = co_await flows->AppendEntry(std::move(append));
      well = won.ok() && *won;
      if (well) Print(id, number);
    }
  }
  co_return well;
}

int Main(const std::string& folder) {
  const SystemClock clock;
  auto storage = OpenSqlite(folder, clock, nullptr);
  if (!storage.ok()) {
    fprintf(stderr, "%s\n", storage.status().ToString().c_str());
    return 1;
  }
  const InvocationId shared = RandomUuid(clock.Now());
  for (int i = 0; i < 63; ++i) {
    const InvocationId invocation = i % 8 == 0 ? shared : RandomUuid(clock.Now());
    boost::asio::co_spawn(TestExecutor(), Storm(&(*storage)->flows(), &clock, invocation),
                          [](std::exception_ptr, bool) { _exit(1); });
  }
  return Wait(Storm(&(*storage)->flows(), &clock, shared)) ? 0 : 1;
}

}  // namespace
}  // namespace authflow

int main(int argc, char** argv) { return argc == 2 ? authflow::Main(argv[1]) : 1; }
