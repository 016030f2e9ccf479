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

// What a person pasted as the browser's answer.
struct PastedAnswer {
  std::string query;       // for ExchangeCode
  bool code_only = false;  // it was the code alone, and the state in `query` is ours
};

// The whole address, what follows its "?", or the code alone: 16 visible characters at least. nullopt: none of these.
//
// A code alone does not say which login it is of, and that is what `state` is for: somebody could talk a person into
// pasting a code of another account. So it is taken only where the code is bound to this attempt in another way: in
// OpenID Connect by the nonce, which the server finds in the code's id_token or refuses it (and by PKCE, should the
// provider look at it; that alone is not relied upon). That the authorization URL has a nonce says that it is so.
std::optional<PastedAnswer> ParsePasted(std::string_view pasted, std::string_view authorization_url,
                                        std::string_view state);

}  // namespace authflow

#endif  // AUTHFLOW_CLIENT_CLI_REDIRECT_TARGETS_H_
