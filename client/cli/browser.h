// Opening a page in the person's browser.
#ifndef AUTHFLOW_CLIENT_CLI_BROWSER_H_
#define AUTHFLOW_CLIENT_CLI_BROWSER_H_

#include <functional>
#include <string>
#include <vector>

#include "server/base/task.h"

namespace authflow {

// The programs to try, in order, each as its arguments: those of $BROWSER (separated by ":", a "%s" stands for the
// URL), else xdg-open. The URL is always one argument; no shell sees it. Pure.
std::vector<std::vector<std::string>> BrowserCommands(const std::string& browser_variable, const std::string& url);

// Starts the first that can be started, in a session of its own: Ctrl-C is for us and not for the browser. False: none
// can. `failed` is called on the executor if it ends with a code other than 0 (xdg-open: 3 if there is no browser);
// what it prints is dropped. Call from one thread only.
bool OpenBrowser(Executor executor, const std::string& url, std::function<void()> failed);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_BROWSER_H_
