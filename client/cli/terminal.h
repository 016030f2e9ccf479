// The terminal that a person sits at: keys in, text out, and always left as it was found.
#ifndef AUTHFLOW_CLIENT_CLI_TERMINAL_H_
#define AUTHFLOW_CLIENT_CLI_TERMINAL_H_

#include <boost/asio/basic_signal_set.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <memory>
#include <string>

#include "client/cli/event.h"
#include "client/cli/keys.h"
#include "client/cli/looks.h"
#include "server/base/task.h"

namespace authflow {

// For the thread of its executor only. One reader at a time.
class Terminal {
 public:
  // nullptr: there is nobody to ask, that is standard input or standard error is no terminal, or we are in its
  // background.
  static std::shared_ptr<Terminal> Open(Executor executor);
  ~Terminal();

  // While one is held, keys come one by one and are not echoed. Ctrl-C is a SIGINT all the same. The terminal is put
  // back before a Ctrl-Z stops us and before a crash ends us, and set anew when we go on.
  class Raw {
   public:
    explicit Raw(Terminal& terminal);
    ~Raw();
    Raw(const Raw&) = delete;
    Raw& operator=(const Raw&) = delete;

   private:
    Terminal& terminal_;
  };

  // Waits for a key, a new size of the terminal, or the end of a stop; wants a Raw. Cancelling the coroutine ends the
  // wait.
  Task<Key> ReadKey();
  // Ends the ReadKey that waits, and each later one, with kInterrupted; until ClearInterrupt.
  void Interrupt();
  void ClearInterrupt() { interrupted_ = false; }

  void Write(const std::string& text);
  const Looks& looks() const { return looks_; }
  // Cannot or must not redraw.
  bool plain() const { return !looks_.redraws; }

  // Puts the terminal back as it was found. At any time, from a signal handler too, and more than once.
  static void Restore();

 private:
  using SignalSet = boost::asio::basic_signal_set<Executor>;

  Terminal(Executor executor, int file);
  void MakeRaw();
  void AwaitSignals();
  void Stop();

  const Looks looks_ = LooksNow();
  SignalSet signals_;  // has some while a Raw is held
  boost::asio::posix::basic_stream_descriptor<Executor> input_;
  Event::Timer escape_timer_;
  KeyDecoder decoder_;
  bool interrupted_ = false;
  bool resized_ = false;
  bool resumed_ = false;
  int raw_depth_ = 0;
};

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_TERMINAL_H_
