#include "server/process/funnel_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "server/base/random.h"
#include "server/process/workers.h"
#include "server/storage/faulty_storage.h"

namespace authflow {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class FunnelPageTest : public testing::Test {
 protected:
  ~FunnelPageTest() override { workers_.Join(); }

  void Start(const std::string& product, absl::Duration ago = absl::ZeroDuration()) {
    Append append;
    append.flow_id = RandomUuid(clock_.Now());
    append.product = product;
    append.kind = v1::FLOW_KIND_LOGIN;
    Header header;
    header.id = append.flow_id;
    header.product = product;
    header.kind = append.kind;
    header.start = clock_.Now() - ago;
    append.entry = Flow::Start(header);
    auto won =
        boost::asio::co_spawn(workers_.executor(), storage_.flows().AppendEntry(append), boost::asio::use_future);
    EXPECT_TRUE(*won.get());
  }

  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  Workers workers_;
  FaultyStorage storage_{NewMemoryStorage(clock_)};
  FunnelPage page_{storage_.flows(), {"acme", "new"}, clock_, workers_.executor()};
};

TEST_F(FunnelPageTest, CountsAnewAfterFiveSecondsAndNotBefore) {
  EXPECT_THAT(page_.Show("", "").html, HasSubstr("No flow started in the last 24 hours."));
  Start("acme");
  clock_.Advance(absl::Milliseconds(4999));
  EXPECT_THAT(page_.Show("week", "").html, HasSubstr("No flow started in the last 7 days."));
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(page_.Show("hour", "").html, HasSubstr("1 started: 0 completed (0 %), 0 aborted, 0 failed, 1 open."));
}

TEST_F(FunnelPageTest, EachWindowHasItsFlows) {
  Start("late", absl::Hours(2));
  Start("now");
  EXPECT_THAT(page_.Show("hour", "").html, AllOf(HasSubstr(">now login</h2>"), Not(HasSubstr(">late login</h2>"))));
  EXPECT_THAT(page_.Show("day", "").html, AllOf(HasSubstr(">now login</h2>"), HasSubstr(">late login</h2>")));
  EXPECT_THAT(page_.Show("", "late").html, AllOf(Not(HasSubstr(">now login</h2>")), HasSubstr(">late login</h2>")));
}

TEST_F(FunnelPageTest, WhatIsNoWindowIsNotFound) {
  const HttpPage page = page_.Show("year<b>", "");
  EXPECT_EQ(page.status, 404);
  EXPECT_THAT(page.html, Not(HasSubstr("<b>")));
}

TEST_F(FunnelPageTest, WhatIsNoProductIsNotFoundAndThoseThatAreAreSaid) {
  Start("gone");
  const HttpPage page = page_.Show("", "acm<b>");
  EXPECT_EQ(page.status, 404);
  EXPECT_THAT(page.html, AllOf(HasSubstr("There are: acme, gone, new."), Not(HasSubstr("<b>"))));
  for (const char* product : {"acme", "gone", "new"}) EXPECT_EQ(page_.Show("", product).status, 200) << product;
}

TEST_F(FunnelPageTest, WhatIsAskedForIsEscaped) {
  Start("<script>\"'&");
  const std::string html = page_.Show("", "<script>\"'&").html;
  EXPECT_THAT(html, AllOf(Not(HasSubstr("<script")), HasSubstr("of &lt;script&gt;&quot;&#39;&amp;")));
  EXPECT_THAT(html, HasSubstr("product=%3cscript%3e%22%27%26\""));
}

TEST_F(FunnelPageTest, AServerThatStopsCountsNoMore) {
  page_.Stop();
  EXPECT_EQ(page_.Show("", "").status, 503);
}

TEST_F(FunnelPageTest, AStoreThatCannotBeReadIsSaidAndAskedAgain) {
  storage_.FailReads(absl::UnavailableError("away"));
  EXPECT_EQ(page_.Show("", "").status, 503);
  EXPECT_EQ(page_.Show("", "").status, 200);
}

}  // namespace
}  // namespace authflow
