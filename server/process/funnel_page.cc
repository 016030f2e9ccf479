#include "server/process/funnel_page.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <utility>

#include "absl/strings/str_join.h"
#include "server/base/text.h"
#include "server/funnel/page.h"

namespace authflow {
namespace {

// Rows of the log that are read at once: a few milliseconds of one of the store's readers.
constexpr int kSlice = 2000;
constexpr absl::Duration kFresh = absl::Seconds(5);
// Of one thread no more than a twentieth goes into counting.
constexpr int kRest = 20;

}  // namespace

HttpPage FunnelPage::Show(const std::string& window, const std::string& product) {
  const auto is_it = [&window](const PageWindow& offered) { return offered.name == window; };
  const auto found = window.empty() ? kPageWindows.begin() + kPageDefault : std::ranges::find_if(kPageWindows, is_it);
  if (found == kPageWindows.end()) return {404, DrawSorryPage("There is an hour, a day and a week to look at.")};
  const auto shown = static_cast<size_t>(found - kPageWindows.begin());

  const absl::Time now = clock_.Now();
  std::shared_ptr<const Windows> windows;
  {
    absl::MutexLock lock(&mutex_);
    windows = counted_;
    if (now >= stale_ && !counting_) {
      counting_ = true;
      windows = nullptr;
    } else if (windows == nullptr) {
      return {503, DrawSorryPage("The numbers are being counted. Try again in a moment.")};
    }
  }
  if (windows == nullptr) {
    absl::StatusOr<Windows> counted = Count(now);
    absl::MutexLock lock(&mutex_);
    counting_ = false;
    if (!counted.ok()) return {503, DrawSorryPage("The numbers cannot be read now. Try again in a moment.")};
    counted_ = windows = std::make_shared<const Windows>(*std::move(counted));
    stale_ = now + std::max(kFresh, (clock_.Now() - now) * kRest);
  }
  return Draw(*windows, shown, product);
}

HttpPage FunnelPage::Draw(const Windows& windows, size_t shown, const std::string& product) const {
  // One that is configured no more has its numbers still.
  std::set<std::string> known = products_;
  for (const FunnelWindow& window : windows) {
    for (const Funnel& funnel : window.funnels) known.insert(funnel.product);
  }
  if (!product.empty() && !known.contains(product)) {
    return {404, DrawSorryPage(Cat("There is no such product here. There are: ", absl::StrJoin(known, ", "), "."))};
  }
  return {200, DrawPage(windows, shown, product)};
}

// Reads on the store's threads and counts on the caller's: the executor's have but a call to begin.
absl::StatusOr<FunnelPage::Windows> FunnelPage::Count(absl::Time now) {
  FunnelChoice choice;
  for (const PageWindow& window : kPageWindows) choice.windows.push_back(window.length);
  FunnelCounter counter(std::move(choice), now);
  for (int64_t before = kNewest;;) {
    if (stopped_) return absl::UnavailableError("the server stops");
    absl::StatusOr<std::vector<LogRow>> rows =
        boost::asio::co_spawn(executor_, flows_.LoadBefore(before, kSlice), boost::asio::use_future).get();
    if (!rows.ok()) return rows.status();
    for (LogRow& row : *rows) {
      before = row.position;
      if (!counter.Add(std::move(row))) return counter.Finish();
    }
    if (rows->size() < kSlice) return counter.Finish();
  }
}

}  // namespace authflow
