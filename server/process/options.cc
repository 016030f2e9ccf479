#include "server/process/options.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <utility>

#include "server/base/error_class.h"
#include "server/base/text.h"
#include "server/base/version.h"
#include "server/events/event.h"
#include "server/funnel/wording.h"
#include "server/process/host_port.h"

namespace authflow {
namespace {

std::string CheckHostPort(const std::string& text) {
  return ParseHostPort(text) ? "" : "\"" + text + "\" is not of the form HOST:PORT";
}

std::string CheckDuration(const std::string& text) {
  absl::Duration duration;
  const bool parsed = absl::ParseDuration(text, &duration);
  if (parsed && duration >= absl::ZeroDuration() && duration <= absl::Hours(1)) return "";
  return "\"" + text + "\" is not a duration like 500ms, 10s or 2m, of an hour at most";
}

std::string CheckWindow(const std::string& text) {
  return ParseWindow(text) ? "" : "\"" + text + "\" is not a duration like 90m, 24h or 7d, from a minute to 366 days";
}

std::string CheckOutcome(const std::string& text) {
  for (const char* outcome : {"completed", "aborted", "failed", "open"}) {
    if (text == outcome) return "";
  }
  for (int reason = v1::AbortReason_MIN; reason <= v1::AbortReason_MAX; ++reason) {
    if (!text.empty() && text == ReasonName(static_cast<v1::AbortReason>(reason))) return "";
  }
  ErrorClass error_class;
  if (v1::ErrorClass_Parse("ERROR_CLASS_" + text, &error_class)) return "";
  return "\"" + text + "\" is no outcome, reason or error class";
}

// The flag that takes one value and has several; empty: none. CLI11 says "1 required HOST:PORT missing" of it.
std::string GivenTwice(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_expected_max() == 1 && option->count() > 1) return option->get_name();
  }
  for (const CLI::App* verb : app.get_subcommands()) {
    if (std::string name = GivenTwice(*verb); !name.empty()) return name;
  }
  return "";
}

// What CLI11 cannot say: which flags need which.
std::string Missing(const Options& options) {
  const Verb verb = options.verb;
  const bool serves = verb == Verb::kServe || verb == Verb::kDev;
  const bool reads_config = verb == Verb::kServe || verb == Verb::kCheck || verb == Verb::kProbe;
  if (verb == Verb::kDev && !(options.config.empty() && options.data.empty())) {
    return "--dev has a configuration of its own and keeps nothing: leave --config and --data out";
  }
  if (reads_config && options.config.empty()) {
    return "--config FILE is missing (authflowd init writes one; authflowd --dev needs none)";
  }
  const bool needs_data = verb != Verb::kDev && verb != Verb::kInit && verb != Verb::kCheck && verb != Verb::kProbe;
  if (needs_data && options.data.empty()) {
    return "--data DIR is missing: the folder for the database and the server's key";
  }
  if (options.tls_certificate.empty() != options.tls_key.empty()) return "--tls-cert and --tls-key go together";
  if (serves && options.tls_certificate.empty() && !options.allow_plaintext &&
      !ParseHostPort(options.listen)->IsLoopback()) {
    return "--listen " + options.listen +
           " can be reached from other machines: give --tls-cert and --tls-key, or --allow-plaintext if something in "
           "front does TLS";
  }
  return "";
}

}  // namespace

std::variant<Options, int> ParseOptions(int argc, char** argv) {
  Options options;
  CLI::App app{"Signs people in to command-line tools and records where they drop off.", "authflowd"};
  app.set_version_flag("--version", std::string("authflowd ") + kVersion);

  bool check = false, probe = false, dev = false;
  std::string grace = "10s", level = "info", format = "auto", since = "24h", funnel_page = "auto";
  app.add_option("--config", options.config, "Configuration file")->type_name("FILE");
  app.add_option("--data", options.data, "Folder for database and key; made if absent")->type_name("DIR");
  app.add_option("--key-file", options.key_file, "The server's key (default: DIR/server.key)")->type_name("FILE");
  app.add_option("--listen", options.listen, "gRPC address; port 0 means any")
      ->type_name("HOST:PORT")
      ->capture_default_str()
      ->check(CheckHostPort);
  app.add_option("--http-listen", options.http_listen, "HTTP address of /metrics, /healthz and /funnel")
      ->type_name("HOST:PORT")
      ->capture_default_str()
      ->check(CheckHostPort);
  app.add_option("--funnel-page", funnel_page, "Serve /funnel there; auto: on loopback alone")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "on", "off"}));
  app.add_option("--tls-cert", options.tls_certificate, "PEM file, the certificate chain")->type_name("FILE");
  app.add_option("--tls-key", options.tls_key, "PEM file, the certificate's key")->type_name("FILE");
  app.add_flag("--allow-plaintext", options.allow_plaintext, "No TLS on an address that is not loopback");
  app.add_option("--grace", grace, "How long a drain may take")
      ->type_name("DURATION")
      ->capture_default_str()
      ->check(CheckDuration);
  app.add_option("--log-level", level, "debug, info, warning or error")
      ->capture_default_str()
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  app.add_option("--log-format", format, "text, json, or auto: text on a terminal")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "text", "json"}));
  app.add_flag("--check", check, "Validate the configuration and exit");
  app.add_flag("--probe", probe, "With --check: ask the providers as well");
  app.add_flag("--dev", dev, "For tests of CLIs: needs no other flag");
  CLI::App* init = app.add_subcommand("init", "Write a commented configuration");
  init->add_option("--issuer", options.issuer, "The OpenID provider's issuer URL")->required()->type_name("URL");
  init->add_option("--client-id", options.client_id, "Our client there")->required()->type_name("ID");
  init->add_option("--output", options.output, "Where to write it (default: stdout)")->type_name("FILE");

  // Flags of the server, such as --data, may stand behind a verb as well.
  app.fallthrough();
  CLI::App* funnel = app.add_subcommand("funnel", "Show where sign-ins end");
  funnel->add_option("--max-rows", options.max_rows, "Read so many rows of the log at most, the newest")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000'000}));
  funnel->add_flag("--json", options.json, "For programs");
  CLI::App* tail = app.add_subcommand("tail", "Follow events as they are recorded");
  tail->add_flag("--json", options.json, "For programs: each event as the sink gets it");
  CLI::App* flow = app.add_subcommand("flow", "Show one flow, or find some");
  flow->require_subcommand(0, 1);
  flow->fallthrough();
  flow->add_option("ID", options.flow_id, "As flow show ID");
  CLI::App* show = flow->add_subcommand("show", "Show the whole log of one flow");
  show->add_option("ID", options.flow_id, "The flow's id, as errors and events show it")->required();
  show->fallthrough();
  CLI::App* find = flow->add_subcommand("list", "List flows, the latest first");
  find->add_option("--user", options.user, "Of this user id")->type_name("ID");
  find->add_option("--outcome", options.outcome, "Outcome, \"open\", or a reason or error class")->check(CheckOutcome);
  CLI::App* outbox = app.add_subcommand("outbox", "Events that a sink refused");
  outbox->require_subcommand(1);
  outbox->fallthrough();
  CLI::App* list = outbox->add_subcommand("list", "List dead events, the oldest first");
  CLI::App* retry = outbox->add_subcommand("retry", "Send dead events again, in their old order");
  retry->add_option("--id", options.event_id, "This, and what is dead of its flow (default: all)");
  for (CLI::App* verb : {funnel, tail, find, list, retry}) {
    verb->fallthrough();
    verb->add_option("--product", options.product, "Of this product (default: of all)")->type_name("ID");
  }
  for (CLI::App* verb : {find, list}) {
    verb->add_option("--limit", options.limit, "So many at most")->capture_default_str()->check(CLI::Range(1, 1000000));
  }
  for (CLI::App* verb : {funnel, find}) {
    verb->add_option("--since", since, "That started in the last 90m, 24h, 7d, ...")
        ->type_name("DURATION")
        ->capture_default_str()
        ->check(CheckWindow);
    verb->add_option("--kind", options.flow_kind,
                     Cat("Of this kind (default: ", verb == funnel ? "login and signup)" : "all)"))
        ->check(CLI::IsMember({"login", "signup", "reauthentication"}));
  }
  CLI::App* backup = app.add_subcommand("backup", "Copy the database, while a server uses it or not");
  CLI::App* restore = app.add_subcommand("restore", "Make a backup the database of an unused folder");
  backup->add_option("FILE", options.file, "Where to write it; must not exist")->required();
  restore->add_option("FILE", options.file, "The backup")->required();
  init->footer(
      "Example:\n  authflowd init --issuer https://id.example.com --client-id tool-cli \\\n      --output "
      "authflow.conf");
  for (const auto& [verb, words] :
       {std::pair(funnel, "funnel --since 7d"), std::pair(tail, "tail"), std::pair(show, "flow show ID"),
        std::pair(find, "flow list --outcome failed"), std::pair(list, "outbox list"), std::pair(retry, "outbox retry"),
        std::pair(backup, "backup FILE"), std::pair(restore, "restore FILE")}) {
    verb->footer(Cat("Example (--data is the server's folder):\n  authflowd ", words, " --data /var/lib/authflow"));
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string twice = GivenTwice(app);
    std::cerr << (twice.empty() ? std::string(error.what()) : "authflowd: " + twice + " is given twice") << "\n";
    return 2;
  } catch (const CLI::ParseError& error) {
    return app.exit(error, std::cout, std::cerr) == 0 ? 0 : 2;
  }
  options.verb = *init      ? Verb::kInit
                 : *funnel  ? Verb::kFunnel
                 : *tail    ? Verb::kTail
                 : *find    ? Verb::kFlowList
                 : *flow    ? Verb::kFlowShow
                 : *list    ? Verb::kOutboxList
                 : *retry   ? Verb::kOutboxRetry
                 : *backup  ? Verb::kBackup
                 : *restore ? Verb::kRestore
                 : check    ? (probe ? Verb::kProbe : Verb::kCheck)
                 : dev      ? Verb::kDev
                            : Verb::kServe;
  absl::ParseDuration(grace, &options.grace);
  options.since = *ParseWindow(since);
  options.funnel_page =
      funnel_page == "on" || (funnel_page == "auto" && ParseHostPort(options.http_listen)->IsLoopback());
  options.log_level = *ParseLogLevel(level);
  options.log_format = *ParseLogFormat(format);
  std::string missing = Missing(options);
  if (options.verb == Verb::kFlowShow && options.flow_id.empty()) {
    missing = "flow show ID: which flow? (authflowd flow list finds some)";
  }
  if (probe && !check) missing = "--probe goes with --check";
  if (!missing.empty()) {
    std::cerr << "authflowd: " << missing << "\n";
    return 2;
  }
  return options;
}

}  // namespace authflow
