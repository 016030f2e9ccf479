// From the configuration to the values that the use cases and the operator's verbs want.
#ifndef AUTHFLOW_SERVER_PROCESS_PRODUCTS_H_
#define AUTHFLOW_SERVER_PROCESS_PRODUCTS_H_

#include <string>
#include <vector>

#include "server/config/config.h"
#include "server/flow/use_cases.h"

namespace authflow {

RedirectRules RedirectRulesOf(const ProductConfig& product);

// What the provider's registration should list. A loopback URI without a port stands for any port (RFC 8252 7.3).
std::vector<std::string> RegisteredRedirectUris(const RedirectRules& redirect);

// The product without its provider and its applications.
Product ProductOf(const ProductConfig& product, const FlowLimitsConfig& limits);

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_PROCESS_PRODUCTS_H_
