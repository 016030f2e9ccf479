#include "server/process/verbs.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

#include "absl/strings/str_replace.h"
#include "server/base/http/http_client.h"
#include "server/config/config.h"
#include "server/process/products.h"
#include "server/process/workers.h"
#include "server/provider/probe.h"

namespace authflow {
namespace {

int Complain(const absl::Status& status) {
  std::cerr << "authflowd: " << std::string(status.message()) << "\n";
  return 1;
}

// True: nothing wrong was found at any provider.
bool ProbeAll(const Config& config) {
  Workers workers;
  bool ok = true;
  {
    const std::unique_ptr<HttpClient> http = NewCurlHttpClient();
    for (const ProductConfig& product : config.products) {
      const RedirectRules redirect = RedirectRulesOf(product);
      std::string uri = redirect.Pasted();
      Task<ProbeReport> task = Probe(product.provider, *http, std::move(uri));
      const ProbeReport report =
          boost::asio::co_spawn(workers.executor(), std::move(task), boost::asio::use_future).get();
      std::cout << "product " << product.id << "\n";
      for (const ProbeLine& line : report.lines) {
        std::cout << (line.ok ? "  ok    " : "  WRONG ") << line.what << ": " << line.detail << "\n";
      }
      std::cout << "  redirect URIs to register:\n";
      for (const std::string& registered : RegisteredRedirectUris(redirect)) std::cout << "    " << registered << "\n";
      ok = ok && report.ok();
    }
  }
  workers.Join();
  return ok;
}

}  // namespace

int RunInit(const Options& options) {
  const std::string text = InitText(options.issuer, options.client_id);
  if (absl::StatusOr<Config> config = ParseConfig(text, "the new configuration", "."); !config.ok()) {
    // Whoever has no file yet knows flags and no paths.
    return Complain(absl::InvalidArgumentError(absl::StrReplaceAll(
        config.status().message(),
        {{"products[0].provider.issuer", "--issuer"}, {"products[0].provider.client_id", "--client-id"}})));
  }
  if (options.output.empty()) {
    std::cout << text;
    return 0;
  }
  if (std::ifstream(options.output).good()) {
    return Complain(absl::AlreadyExistsError(options.output + " exists already; it is left as it is"));
  }
  std::ofstream file(options.output);
  file << text << std::flush;
  if (!file.good()) {
    return Complain(absl::UnavailableError("cannot write " + options.output + ": " + std::strerror(errno)));
  }
  std::cerr << "Wrote " << options.output << ". Next: authflowd --check --probe --config " << options.output << "\n";
  return 0;
}

int RunCheck(const Options& options) {
  absl::StatusOr<Config> config = LoadConfig(options.config);
  if (!config.ok()) return Complain(config.status());
  std::cout << options.config << ": ok, " << config->products.size()
            << (config->products.size() == 1 ? " product" : " products") << std::endl;
  if (options.verb == Verb::kCheck) return 0;
  return ProbeAll(*config) ? 0 : 1;
}

}  // namespace authflow
