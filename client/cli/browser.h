// Opening a page in the person's browser.
#ifndef AUTHFLOW_CLIENT_CLI_BROWSER_H_
#define AUTHFLOW_CLIENT_CLI_BROWSER_H_

#include <functional>
#include <string>
#include <vector>

#include "server/base/task.h"

namespace authflow {

// What decides who opens a page here.
struct BrowserPlace {
  std::string browser;         // $BROWSER
  bool wsl = false;            // Linux inside Windows
  bool remote = false;         // an SSH session without a display: a page would open where nobody sees it
  static BrowserPlace Here();  // from the environment and /proc/version
};

// The programs to try, in order, each as its arguments: those of $BROWSER (separated by ":", a "%s" stands for the
// URL); without it wslview and PowerShell on WSL, nothing in a remote place, and else xdg-open. The URL is always one
// argument; no shell sees it, but for PowerShell, which gets it quoted. Pure.
std::vector<std::vector<std::string>> BrowserCommands(const BrowserPlace& place, const std::string& url);

// Starts the first that can be started, in a session of its own: Ctrl-C is for us and not for the browser. False: none
// can. One that ends with a code other than 0 (xdg-open: 3 if there is no browser) is followed by the next, and the
// last by `failed`, on the executor. What they print is dropped. Call from one thread only.
bool OpenBrowser(Executor executor, const BrowserPlace& place, const std::string& url, std::function<void()> failed);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_BROWSER_H_
