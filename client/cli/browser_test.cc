#include "client/cli/browser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <fstream>

namespace authflow {
namespace {

using testing::ElementsAre;

TEST(BrowserCommandsTest, TheUrlIsOneArgument) {
  const std::string url = "https://idp/authorize?a=b&c=$(rm)%20'\"";
  EXPECT_THAT(BrowserCommands("", url), ElementsAre(ElementsAre("xdg-open", url)));
  EXPECT_THAT(BrowserCommands("firefox", url), ElementsAre(ElementsAre("firefox", url)));
  EXPECT_THAT(BrowserCommands("firefox --new-window %s:lynx", url),
              ElementsAre(ElementsAre("firefox", "--new-window", url), ElementsAre("lynx", url)));
  EXPECT_THAT(BrowserCommands("b --url=%s", url), ElementsAre(ElementsAre("b", "--url=" + url)));
}

class OpenBrowserTest : public testing::Test {
 protected:
  std::string Script(const std::string& name, const std::string& text) {
    const std::string path = testing::TempDir() + "/" + name;
    std::ofstream(path) << "#!/bin/sh\n" << text;
    chmod(path.c_str(), 0700);
    return path;
  }
  boost::asio::io_context loop_;
};

TEST_F(OpenBrowserTest, OpensAPathWithSpaces) {
  const std::string out = testing::TempDir() + "/opened";
  const std::string script = Script("my browser", "printf '%s' \"$#:$1\" >'" + out + "'; exit 3\n");
  setenv("BROWSER", script.c_str(), 1);
  bool failed = false;
  ASSERT_TRUE(OpenBrowser(loop_.get_executor(), "http://x/?a=1&b=$HOME", [&] { failed = true; }));
  loop_.run();
  EXPECT_TRUE(failed);  // its exit code was 3
  std::ifstream file(out);
  std::string text;
  std::getline(file, text);
  EXPECT_EQ(text, "1:http://x/?a=1&b=$HOME");
}

TEST_F(OpenBrowserTest, ExitCodeZeroIsNoFailure) {
  setenv("BROWSER", Script("fine", "exit 0\n").c_str(), 1);
  bool failed = false;
  ASSERT_TRUE(OpenBrowser(loop_.get_executor(), "http://x/", [&] { failed = true; }));
  loop_.run();
  EXPECT_FALSE(failed);
}

TEST_F(OpenBrowserTest, NoneThatCanBeStartedIsSaid) {
  setenv("BROWSER", "/nonexistent/browser", 1);
  EXPECT_FALSE(OpenBrowser(loop_.get_executor(), "http://x/", [] {}));
}

}  // namespace
}  // namespace authflow
