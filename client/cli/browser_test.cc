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
  EXPECT_THAT(BrowserCommands({.browser = ""}, url), ElementsAre(ElementsAre("xdg-open", url)));
  EXPECT_THAT(BrowserCommands({.browser = "firefox"}, url), ElementsAre(ElementsAre("firefox", url)));
  EXPECT_THAT(BrowserCommands({.browser = "firefox --new-window %s:lynx"}, url),
              ElementsAre(ElementsAre("firefox", "--new-window", url), ElementsAre("lynx", url)));
  EXPECT_THAT(BrowserCommands({.browser = "b --url=%s"}, url), ElementsAre(ElementsAre("b", "--url=" + url)));
}

TEST(BrowserCommandsTest, OnWslWindowsOpensIt) {
  const auto commands = BrowserCommands({.wsl = true}, "https://idp/authorize?a='b&c=\xe2\x80\x99");
  ASSERT_EQ(commands.size(), 4u);
  EXPECT_THAT(commands[0], ElementsAre("wslview", "https://idp/authorize?a='b&c=\xe2\x80\x99"));
  EXPECT_THAT(commands[1], ElementsAre("powershell.exe", "-NoProfile", "-NonInteractive", "-Command",
                                       "Start-Process 'https://idp/authorize?a=%27b&c=%E2%80%99'"));
  EXPECT_EQ(commands[3].front(), "xdg-open");
  EXPECT_THAT(BrowserCommands({.browser = "mine", .wsl = true}, "u"), ElementsAre(ElementsAre("mine", "u")));
}

TEST(BrowserCommandsTest, OverSshOnlyWhatThePersonNamedOpensIt) {
  EXPECT_TRUE(BrowserCommands({.remote = true}, "u").empty());
  EXPECT_THAT(BrowserCommands({.browser = "mine", .remote = true}, "u"), ElementsAre(ElementsAre("mine", "u")));
}

TEST(BrowserPlaceTest, IsReadFromTheEnvironment) {
  for (const char* name : {"BROWSER", "WSL_DISTRO_NAME", "SSH_CONNECTION", "SSH_TTY", "DISPLAY", "WAYLAND_DISPLAY"}) {
    unsetenv(name);
  }
  EXPECT_FALSE(BrowserPlace::Here().remote);
  setenv("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22", 1);
  EXPECT_TRUE(BrowserPlace::Here().remote);
  setenv("DISPLAY", ":0", 1);
  EXPECT_FALSE(BrowserPlace::Here().remote);
  setenv("WSL_DISTRO_NAME", "Debian", 1);
  EXPECT_TRUE(BrowserPlace::Here().wsl);
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
  bool failed = false;
  ASSERT_TRUE(OpenBrowser(loop_.get_executor(), {.browser = script}, "http://x/?a=1&b=$HOME", [&] { failed = true; }));
  loop_.run();
  EXPECT_TRUE(failed);  // its exit code was 3
  std::ifstream file(out);
  std::string text;
  std::getline(file, text);
  EXPECT_EQ(text, "1:http://x/?a=1&b=$HOME");
}

TEST_F(OpenBrowserTest, ExitCodeZeroIsNoFailure) {
  bool failed = false;
  ASSERT_TRUE(
      OpenBrowser(loop_.get_executor(), {.browser = Script("fine", "exit 0\n")}, "http://x/", [&] { failed = true; }));
  loop_.run();
  EXPECT_FALSE(failed);
}

TEST_F(OpenBrowserTest, OneThatFailsIsFollowedByTheNext) {
  const std::string out = testing::TempDir() + "/second";
  const std::string list =
      Script("first", "exit 1\n") + ":/nonexistent/browser:" + Script("then", "echo $1 >" + out + "\n");
  bool failed = false;
  ASSERT_TRUE(OpenBrowser(loop_.get_executor(), {.browser = list}, "http://x/", [&] { failed = true; }));
  loop_.run();
  EXPECT_FALSE(failed);
  std::ifstream file(out);
  std::string text;
  std::getline(file, text);
  EXPECT_EQ(text, "http://x/");
}

TEST_F(OpenBrowserTest, NoneThatCanBeStartedIsSaid) {
  EXPECT_FALSE(OpenBrowser(loop_.get_executor(), {.browser = "/nonexistent/browser"}, "http://x/", [] {}));
}

}  // namespace
}  // namespace authflow
