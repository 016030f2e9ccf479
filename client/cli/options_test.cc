#include "client/cli/options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

namespace authflow {
namespace {

class OptionsTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name :
         {"AUTHFLOW_SERVER", "AUTHFLOW_PRODUCT", "AUTHFLOW_CA", "AUTHFLOW_CONTEXT", "CI", "TRACEPARENT"}) {
      unsetenv(name);
    }
  }
  static std::variant<Options, Exit> Parse(std::vector<const char*> words) {
    words.insert(words.begin(), "authflow");
    return ParseOptions(static_cast<int>(words.size()), words.data());
  }
  static Options Good(std::vector<const char*> words) {
    auto parsed = Parse(std::move(words));
    const auto* exit = std::get_if<Exit>(&parsed);
    EXPECT_EQ(exit, nullptr) << (exit ? exit->err : "");
    return exit ? Options() : std::get<Options>(parsed);
  }
  static Exit Bad(std::vector<const char*> words) {
    auto parsed = Parse(std::move(words));
    EXPECT_TRUE(std::holds_alternative<Exit>(parsed));
    return std::holds_alternative<Exit>(parsed) ? std::get<Exit>(parsed) : Exit();
  }
};

TEST_F(OptionsTest, KnowsTheCommands) {
  const struct {
    std::vector<const char*> words;
    Options::Command command;
    const char* name;
  } kCases[] = {{{"login"}, Options::Command::kLogin, "authflow login"},
                {{"signup"}, Options::Command::kSignup, "authflow signup"},
                {{"logout"}, Options::Command::kLogout, "authflow logout"},
                {{"status"}, Options::Command::kStatus, "authflow status"},
                {{"token"}, Options::Command::kToken, "authflow token"},
                {{"apps", "list"}, Options::Command::kAppsList, "authflow apps list"},
                {{"apps", "create"}, Options::Command::kAppsCreate, "authflow apps create"},
                {{"apps", "select"}, Options::Command::kAppsSelect, "authflow apps select"},
                {{"telemetry", "status"}, Options::Command::kTelemetryStatus, "authflow telemetry status"},
                {{"telemetry", "on"}, Options::Command::kTelemetryOn, "authflow telemetry on"},
                {{"telemetry", "off"}, Options::Command::kTelemetryOff, "authflow telemetry off"}};
  for (const auto& c : kCases) {
    const Options options = Good(c.words);
    EXPECT_EQ(options.command, c.command) << c.name;
    EXPECT_EQ(options.command_name, c.name);
    EXPECT_TRUE(options.flags.empty());
    EXPECT_EQ(options.profile_name, "default");
    EXPECT_EQ(options.cli_context, "terminal");
    EXPECT_FALSE(options.is_ci);
  }
}

TEST_F(OptionsTest, CompletionKnowsEachCommandAndItsFlags) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Exit exit = Bad({"completion", shell});
    EXPECT_EQ(exit.code, 0) << shell;
    for (const char* word : {"login", "apps", "list", "app-name", "profile-name", "token", "fish"}) {
      EXPECT_NE(exit.out.find(word), std::string::npos) << shell << ": " << word;
    }
  }
  EXPECT_EQ(Bad({"completion", "csh"}).code, 1);
}

TEST_F(OptionsTest, FlagsStandBeforeOrBehindTheCommandAndAreNamed) {
  const Options options =
      Good({"--json", "login", "--server", "h:1", "--app-name=a b", "--no-browser", "--product", "p"});
  EXPECT_TRUE(options.json);
  EXPECT_EQ(options.server, "h:1");
  EXPECT_EQ(options.product, "p");
  EXPECT_EQ(options.app_name, "a b");
  EXPECT_TRUE(options.no_browser);
  EXPECT_EQ(options.flags, (std::vector<std::string>{"app-name", "json", "no-browser", "product", "server"}));
  EXPECT_TRUE(Good({"apps", "list", "--json"}).json);
}

TEST_F(OptionsTest, AFlagBeatsTheEnvironment) {
  setenv("AUTHFLOW_SERVER", "env:1", 1);
  setenv("AUTHFLOW_PRODUCT", "env", 1);
  setenv("AUTHFLOW_CONTEXT", "vscode", 1);
  setenv("CI", "true", 1);
  const Options options = Good({"status", "--product", "flag"});
  EXPECT_EQ(options.server, "env:1");
  EXPECT_EQ(options.product, "flag");
  EXPECT_EQ(options.cli_context, "vscode");
  EXPECT_TRUE(options.is_ci);
  EXPECT_EQ(options.flags, std::vector<std::string>{"product"});
}

TEST_F(OptionsTest, AnApplicationIsNamedWithoutAFlag) {
  const Options create = Good({"apps", "create", "My Shop", "--region", "eu", "--select"});
  EXPECT_EQ(create.app_name, "My Shop");
  EXPECT_EQ(create.region, "eu");
  EXPECT_TRUE(create.select);
  EXPECT_EQ(create.flags, (std::vector<std::string>{"region", "select"}));
  EXPECT_EQ(Good({"apps", "select", "Shop"}).app_name, "Shop");
}

size_t LongestLine(const std::string& text) {
  size_t longest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
  return longest;
}

TEST_F(OptionsTest, EachCommandsHelpHasAnExampleAndFitsATerminal) {
  for (const auto& words : std::vector<std::vector<const char*>>{{"login"},
                                                                 {"signup"},
                                                                 {"logout"},
                                                                 {"status"},
                                                                 {"token"},
                                                                 {"apps", "list"},
                                                                 {"apps", "create"},
                                                                 {"apps", "select"},
                                                                 {"telemetry", "off"},
                                                                 {"completion"}}) {
    auto asked = words;
    asked.push_back("--help");
    const std::string help = Bad(asked).out;
    EXPECT_NE(help.find("Example"), std::string::npos) << words.back();
    EXPECT_LE(LongestLine(help), 80) << help;
  }
  for (const auto& words : std::vector<std::vector<const char*>>{{"--help"}, {"apps", "--help"}}) {
    EXPECT_LE(LongestLine(Bad(words).out), 80) << Bad(words).out;
  }
}

TEST_F(OptionsTest, WhatIsWrongExitsWithOneAndSaysIt) {
  const std::vector<std::vector<const char*>> kCases = {{},
                                                        {"logon"},
                                                        {"apps"},
                                                        {"apps", "create", "a", "b"},
                                                        {"telemetry"},
                                                        {"login", "--nope"},
                                                        {"status", "--app-name", "x"},
                                                        {"login", "--server"},
                                                        {"login", "--profile-name", "../x"},
                                                        {"login", "--app-name", "a\nb"},
                                                        {"login", "extra"}};
  for (const auto& words : kCases) {
    const Exit exit = Bad(words);
    EXPECT_EQ(exit.code, 1) << testing::PrintToString(words);
    EXPECT_FALSE(exit.err.empty()) << testing::PrintToString(words);
  }
}

TEST_F(OptionsTest, HelpAndVersionExitWithZero) {
  for (const auto& words : std::vector<std::vector<const char*>>{{"--help"}, {"login", "--help"}, {"--version"}}) {
    const Exit exit = Bad(words);
    EXPECT_EQ(exit.code, 0);
    EXPECT_FALSE(exit.out.empty());
  }
}

TEST_F(OptionsTest, SaysWhichWordIsWrongAndWhatMayHaveBeenMeant) {
  const struct {
    std::vector<const char*> words;
    const char* said;
  } kCases[] = {
      {{"lgoin"}, "There is no command \"lgoin\" here. Did you mean \"login\"?\nRun \"authflow --help\""},
      {{"apps", "lst"}, "There is no command \"lst\" here. Did you mean \"list\"?\nRun \"authflow apps --help\""},
      {{"stat"}, "Did you mean \"status\"?"},
      {{"sing-in"}, "There is no command \"sing-in\" here.\n"},
      {{"login", "--sever", "x"}, "There is no flag \"--sever\" here. Did you mean \"--server\"?"},
      {{"login", "--regoin=eu"}, "There is no flag \"--regoin\" here. Did you mean \"--region\"?"},
      {{"apps", "create", "Shop", "Blog"}, "\"Blog\" is one word too many.\nRun \"authflow apps create --help\""},
      {{}, "authflow: Say what to do: login, signup, logout, status, token, apps, telemetry, completion."},
      {{"apps", "--json"}, "authflow: Say what to do: list, create, select.\n"},
      {{"completion"}, "authflow: SHELL is required\n"},
      {{"login", "--profile-name", "../x"}, "authflow: --profile-name: use letters"},
  };
  for (const auto& c : kCases) {
    const Exit exit = Bad(c.words);
    EXPECT_EQ(exit.code, 1);
    EXPECT_EQ(exit.out, "");
    EXPECT_NE(exit.err.find(c.said), std::string::npos) << exit.err;
  }
}

}  // namespace
}  // namespace authflow
