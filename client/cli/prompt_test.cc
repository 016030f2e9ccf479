#include "client/cli/prompt.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "client/cli/interrupt.h"

namespace authflow {
namespace {

// A child at a terminal of its own; the test is the person: it reads the screen and types.
class Person {
 public:
  // `child` runs in the child and gives its exit code.
  explicit Person(std::function<int()> child) {
    int terminal = -1;
    EXPECT_EQ(openpty(&screen_, &terminal, nullptr, nullptr, nullptr), 0);
    tcgetattr(terminal, &found_);
    pid_ = fork();
    if (pid_ == 0) {
      close(screen_);
      login_tty(terminal);
      setenv("TERM", "xterm", 1);
      _exit(child());
    }
    close(terminal);
  }
  ~Person() { close(screen_); }

  // Reads until the screen has shown `text`.
  bool Sees(const std::string& text) {
    char buffer[4096];
    while (seen_.find(text) == std::string::npos) {
      const ssize_t n = read(screen_, buffer, sizeof buffer);
      if (n <= 0) return false;
      seen_.append(buffer, n);
    }
    seen_.erase(0, seen_.find(text) + text.size());
    return true;
  }
  void Types(const std::string& keys) {
    ASSERT_EQ(write(screen_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  void Sends(int signal) { kill(pid_, signal); }

  // The child's exit code; -1 if it was killed.
  int Ended() {
    char buffer[4096];
    while (read(screen_, buffer, sizeof buffer) > 0) {
    }
    int status = 0;
    waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  // True: line editing and echo are as at the start. Before the child's end: its terminal goes with it.
  bool TerminalAsFound() {
    termios now;
    return tcgetattr(screen_, &now) == 0 && now.c_lflag == found_.c_lflag && now.c_cc[VSUSP] == found_.c_cc[VSUSP];
  }

 private:
  pid_t pid_ = 0;
  int screen_ = -1;
  termios found_ = {};
  std::string seen_;
};

// Runs one question to its end; prints "said=N got=X", waits for a line, and ends.
template <typename T>
int RunQuestion(std::function<Task<T>(std::shared_ptr<Terminal>)> question, std::function<std::string(const T&)> tell) {
  boost::asio::io_context loop;
  auto terminal = Terminal::Open(loop.get_executor());
  if (!terminal) return 9;
  std::string told;
  boost::asio::co_spawn(loop, question(terminal), [&](std::exception_ptr, T answer) { told = tell(answer); });
  loop.run();
  terminal->Write(told + "\n");
  char byte;
  return read(STDIN_FILENO, &byte, 1) == 1 ? 0 : 8;
}

int RunChoose() {
  return RunQuestion<Chosen>(
      [](std::shared_ptr<Terminal> terminal) {
        Choice choice;
        choice.title = "Which?";
        choice.items = {"one", "two", "three"};
        return Choose(terminal, std::move(choice));
      },
      [](const Chosen& chosen) {
        return "said=" + std::to_string(static_cast<int>(chosen.said)) + " got=" + std::to_string(chosen.index);
      });
}

Task<Line> AskName(std::shared_ptr<Terminal> terminal) {
  Question question;
  question.text = "Name";
  question.preset = "tool";
  question.problem = [](const std::string& text) { return text == "bad" ? "Not that." : ""; };
  Line line = co_await Ask(terminal, std::move(question));
  co_return line;
}

int RunAsk() {
  return RunQuestion<Line>(AskName, [](const Line& line) {
    return "said=" + std::to_string(static_cast<int>(line.said)) + " got=" + line.text;
  });
}

TEST(PromptTest, ChoosesByKeys) {
  const struct {
    const char* keys;
    const char* outcome;
  } kCases[] = {{"\r", "said=0 got=0"},   {"\x1b[B\r", "said=0 got=1"}, {"\x1b[A\r", "said=0 got=2"},
                {"TW\r", "said=0 got=1"}, {"\x1b", "said=1 got=0"},     {"\x04", "said=1 got=0"}};
  for (const auto& c : kCases) {
    Person person(RunChoose);
    ASSERT_TRUE(person.Sees("> one"));
    EXPECT_FALSE(person.TerminalAsFound());
    person.Types(c.keys);
    EXPECT_TRUE(person.Sees(c.outcome)) << c.outcome;
    EXPECT_TRUE(person.TerminalAsFound()) << c.outcome;
    person.Types("\n");
    EXPECT_EQ(person.Ended(), 0);
  }
}

TEST(PromptTest, APlainTerminalGetsANumberedList) {
  Person person([] {
    setenv("TERM", "dumb", 1);
    return RunChoose();
  });
  ASSERT_TRUE(person.Sees("3. three"));
  ASSERT_TRUE(person.Sees("part of a name [1]: "));
  person.Types("4\r");
  ASSERT_TRUE(person.Sees("from 1 to 3"));
  person.Types("T\r");
  ASSERT_TRUE(person.Sees("2. two"));
  ASSERT_TRUE(person.Sees("3. three"));
  ASSERT_TRUE(person.Sees("part of a name [2]: "));
  person.Types("3\r");
  EXPECT_TRUE(person.Sees("said=0 got=2"));
  person.Types("\n");
  EXPECT_EQ(person.Ended(), 0);
}

TEST(PromptTest, ALineCanBeEditedAndIsAskedForUntilItIsRight) {
  const struct {
    const char* keys;
    const char* outcome;
  } kCases[] = {{"\r", "said=0 got=tool"},
                {" my app \r", "said=0 got=my app"},
                {"ab\x7f\x7f\xc3\xa4z\x7f\r", "said=0 got=ä"},
                {"junk\x15ok\r", "said=0 got=ok"},
                {"bad\rgood\r", "said=0 got=good"},
                {"half\x1b", "said=1 got="}};
  for (const auto& c : kCases) {
    Person person(RunAsk);
    ASSERT_TRUE(person.Sees("Name [tool]: "));
    person.Types(c.keys);
    EXPECT_TRUE(person.Sees(c.outcome)) << c.outcome;
    EXPECT_TRUE(person.TerminalAsFound());
    person.Types("\n");
    EXPECT_EQ(person.Ended(), 0);
  }
}

// GCC 12 cannot compile a braced list inside a coroutine.
Choice OneOrTwo() {
  Choice choice;
  choice.title = "Which?";
  choice.items = {"one", "two"};
  return choice;
}

// A question under guard, as a command asks it.
Task<int> Guarded(std::shared_ptr<Terminal> terminal, Interrupt* interrupt) {
  Choice choice = OneOrTwo();
  auto chosen = co_await interrupt->Guard(Choose(terminal, std::move(choice)));
  co_return chosen ? 0 : 2;
}

int RunGuarded() {
  boost::asio::io_context loop;
  auto terminal = Terminal::Open(loop.get_executor());
  if (!terminal) return 9;
  Interrupt interrupt(loop.get_executor(), [] {
    Terminal::Restore();
    _exit(2);
  });
  int code = 7;
  boost::asio::co_spawn(loop, Guarded(terminal, &interrupt), [&](std::exception_ptr, int result) {
    code = result;
    loop.stop();
  });
  loop.run();
  Terminal::Restore();
  terminal->Write("stopped\n");
  char byte;
  return read(STDIN_FILENO, &byte, 1) == 1 ? code : 8;
}

TEST(InterruptTest, ASignalEndsAPromptAndLeavesTheTerminalAsItWas) {
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    Person person(RunGuarded);
    ASSERT_TRUE(person.Sees("> one"));
    person.Sends(signal);
    ASSERT_TRUE(person.Sees("stopped")) << signal;
    EXPECT_TRUE(person.TerminalAsFound());
    person.Types("\n");
    EXPECT_EQ(person.Ended(), 2);
  }
}

TEST(InterruptTest, CtrlCIsASignalInAPrompt) {
  Person person(RunGuarded);
  ASSERT_TRUE(person.Sees("> one"));
  person.Types("\x03");
  ASSERT_TRUE(person.Sees("stopped"));
  person.Types("\n");
  EXPECT_EQ(person.Ended(), 2);
}

Task<int> HangsOn(Interrupt* interrupt, std::shared_ptr<Terminal> terminal) {
  const Terminal::Raw raw(*terminal);
  Choice choice = OneOrTwo();
  auto chosen = co_await interrupt->Guard(Choose(terminal, std::move(choice)));
  terminal->Write("hanging\n");
  Event never(co_await boost::asio::this_coro::executor);
  co_await never.WaitUntil(SteadyTime::max());
  co_return chosen ? 0 : 1;
}

TEST(InterruptTest, TheSecondSignalEndsTheProcessAtOnce) {
  Person person([] {
    boost::asio::io_context loop;
    auto terminal = Terminal::Open(loop.get_executor());
    Interrupt interrupt(loop.get_executor(), [] {
      Terminal::Restore();
      _exit(2);
    });
    boost::asio::co_spawn(loop, HangsOn(&interrupt, terminal), [](std::exception_ptr, int) {});
    loop.run();
    return 7;
  });
  ASSERT_TRUE(person.Sees("> one"));
  person.Types("\x03");
  ASSERT_TRUE(person.Sees("hanging"));
  person.Types("\x03");
  EXPECT_EQ(person.Ended(), 2);
}

TEST(TerminalTest, WithoutATerminalThereIsNobodyToAsk) {
  boost::asio::io_context loop;
  const int input = dup(STDIN_FILENO);
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  EXPECT_EQ(Terminal::Open(loop.get_executor()), nullptr);
  if (input >= 0) dup2(input, STDIN_FILENO);
}

}  // namespace
}  // namespace authflow
