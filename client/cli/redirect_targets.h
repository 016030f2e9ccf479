// Where the provider may send the browser: what StartFlow's refusal lists, and what a person pastes.
#ifndef AUTHFLOW_CLIENT_CLI_REDIRECT_TARGETS_H_
#define AUTHFLOW_CLIENT_CLI_REDIRECT_TARGETS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace authflow {

struct RedirectTarget {
  std::string host = "127.0.0.1";  // or "localhost", or "[::1]"
  int port = 0;                    // 0: any
  std::string path = "/callback";

  std::string Uri(int with_port) const;
};

// The loopback ones of ErrorInfo.metadata "redirect_uris", in order; others are left out, nobody here could listen
// there.
std::vector<RedirectTarget> ParseRedirectTargets(std::string_view list);

// The query of a pasted redirect: the whole URL, or what follows its "?". nullopt: there is none.
std::optional<std::string> PastedQuery(std::string_view pasted);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_REDIRECT_TARGETS_H_
