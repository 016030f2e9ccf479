// The terminal that a person sits at: keys in, text out, and always left as it was found.
#ifndef AUTHFLOW_CLIENT_CLI_TERMINAL_H_
#define AUTHFLOW_CLIENT_CLI_TERMINAL_H_

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <memory>
#include <string>

#include "client/cli/event.h"
#include "client/cli/keys.h"
#include "server/base/task.h"

namespace authflow {

// For the thread of its executor only. One reader at a time.
class Terminal {
 public:
  // nullptr: there is nobody to ask, that is standard input or standard error is no terminal, or we are in its
  // background.
  static std::shared_ptr<Terminal> Open(Executor executor);
  ~Terminal();

  // While one is held, keys come one by one and are not echoed. Ctrl-C is a SIGINT all the same.
  class Raw {
   public:
    explicit Raw(Terminal& terminal);
    ~Raw();
    Raw(const Raw&) = delete;
    Raw& operator=(const Raw&) = delete;

   private:
    Terminal& terminal_;
  };

  // Waits for a key; wants a Raw. Cancelling the coroutine ends the wait.
  Task<Key> ReadKey();
  // Ends the ReadKey that waits, and each later one, with kInterrupted; until ClearInterrupt.
  void Interrupt();
  void ClearInterrupt() { interrupted_ = false; }

  void Write(const std::string& text);
  // In characters; 80 x 24 if unknown.
  int width() const;
  int height() const;
  // Cannot or must not redraw: TERM=dumb, or AUTHFLOW_ACCESSIBLE=1.
  bool plain() const { return plain_; }

  // Puts the terminal back as it was found. At any time, from a signal handler too, and more than once.
  static void Restore();

 private:
  Terminal(Executor executor, int file);

  boost::asio::posix::basic_stream_descriptor<Executor> input_;
  Event::Timer escape_timer_;
  KeyDecoder decoder_;
  bool interrupted_ = false;
  bool plain_ = false;
  int raw_depth_ = 0;
};

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_TERMINAL_H_
