#include "server/process/products.h"

#include "absl/strings/str_cat.h"

namespace authflow {

RedirectRules RedirectRulesOf(const ProductConfig& product) {
  return RedirectRules{.host = product.redirect.host,
                       .path = product.redirect.path,
                       .ports = product.redirect.ports,
                       .uris = product.redirect.uris};
}

std::vector<std::string> RegisteredRedirectUris(const RedirectRules& redirect) {
  std::vector<std::string> uris;
  if (redirect.ports.empty()) uris.push_back(absl::StrCat("http://", redirect.host, redirect.path));
  for (const int port : redirect.ports) {
    uris.push_back(absl::StrCat("http://", redirect.host, ":", port, redirect.path));
  }
  uris.insert(uris.end(), redirect.uris.begin(), redirect.uris.end());
  return uris;
}

Product ProductOf(const ProductConfig& product, const FlowLimitsConfig& limits) {
  Product made;
  made.id = product.id;
  made.redirect = RedirectRulesOf(product);
  made.flow_expiry = limits.expiry;
  made.browser_wait = limits.browser_wait;
  made.exchange = limits.exchange;
  return made;
}

}  // namespace authflow
