// authflowd: picks the real parts. The only wiring.

#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <iostream>
#include <memory>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "server/applications/local_directory.h"
#include "server/applications/no_directory.h"
#include "server/base/http/http_client.h"
#include "server/base/random.h"
#include "server/base/version.h"
#include "server/config/config.h"
#include "server/delivery/file_sink.h"
#include "server/delivery/plain_sinks.h"
#include "server/delivery/segment_sink.h"
#include "server/process/host_port.h"
#include "server/process/operator_verbs.h"
#include "server/process/options.h"
#include "server/process/products.h"
#include "server/process/serve.h"
#include "server/process/signals.h"
#include "server/process/verbs.h"
#include "server/process/workers.h"
#include "server/provider/dev_provider.h"
#include "server/provider/oidc_provider.h"
#include "server/storage/storage.h"

namespace authflow {
namespace {

// How many live flows the cache keeps: some 1.5 KB each.
constexpr size_t kCachedFlows = 100'000;
// How long an exchange or a refresh can be repeated and gets the same answer.
constexpr absl::Duration kAnswersKept = absl::Seconds(60);

// The configuration of --dev: one product.
Config DevConfig() {
  ProductConfig dev;
  dev.id = "dev";
  dev.display_name = "dev";
  dev.redirect = {.host = "127.0.0.1", .path = "/callback", .ports = {}, .uris = {}};
  dev.applications = LocalApplicationsConfig{.regions = {"eu", "us"}};
  return Config{.products = {dev},
                .limits = {.expiry = absl::Minutes(30),
                           .browser_wait = absl::Minutes(10),
                           .exchange = absl::Seconds(30),
                           .grace = absl::Seconds(60)},
                .retention = absl::Hours(30 * 24)};
}

std::shared_ptr<Sink> SinkOf(const ProductConfig& product, const Options& options, HttpClient& http,
                             const Clock& clock) {
  if (options.verb == Verb::kDev) return NewConsoleSink(stdout);
  if (const auto* file = std::get_if<FileSinkConfig>(&product.sink)) {
    return NewFileSink(options.data + "/" + file->path);
  }
  if (const auto* segment = std::get_if<SegmentSinkConfig>(&product.sink)) {
    return NewSegmentSink(SegmentOptions{.endpoint = segment->endpoint,
                                         .write_key = segment->write_key,
                                         .timeout = segment->timeout,
                                         .ca_file = segment->ca_file},
                          http, clock);
  }
  return NewNoneSink();
}

absl::Status Run(const Options& options) {
  const bool dev = options.verb == Verb::kDev;
  absl::StatusOr<Config> config = dev ? DevConfig() : LoadConfig(options.config);
  if (!config.ok()) return config.status();
  const SystemClock clock;
  if (!dev) {
    if (absl::Status made = MakeDataFolder(options.data); !made.ok()) return made;
  }
  const std::string key_file = options.key_file.empty() ? options.data + "/server.key" : options.key_file;
  absl::StatusOr<Keys> keys = dev && options.key_file.empty() ? absl::StatusOr<Keys>(Keys({Secret(RandomBytes(32))}))
                                                              : Keys::LoadOrCreate(key_file);
  if (!keys.ok()) return keys.status();
  absl::StatusOr<std::unique_ptr<HttpListener>> listener = ListenHttp(options.http_listen);
  if (!listener.ok()) return listener.status();

  // In the order in which they need one another; destroyed the other way round, the executor last.
  Workers workers;
  const std::unique_ptr<HttpClient> http = NewCurlHttpClient();
  absl::flat_hash_map<std::string, std::shared_ptr<Sink>> sinks;
  std::vector<ProductLabels> labels;
  for (const ProductConfig& product : config->products) {
    sinks[product.id] = SinkOf(product, options, *http, clock);
    labels.push_back({.id = product.id, .sink = sinks[product.id]->kind()});
  }
  Metrics metrics(kVersion, labels);
  std::unique_ptr<Storage> storage;
  if (dev) {
    storage = NewMemoryStorage(clock);
  } else {
    absl::StatusOr<std::unique_ptr<Storage>> opened = OpenSqlite(options.data, clock, &metrics.storage());
    if (!opened.ok()) return opened.status();
    storage = *std::move(opened);
  }

  std::shared_ptr<DevProvider> dev_provider;
  if (dev) dev_provider = NewDevProvider("http://" + (*listener)->address() + "/dev/authorize", *keys, clock);
  absl::flat_hash_map<std::string, Product> products;
  for (const ProductConfig& configured : config->products) {
    Product product = ProductOf(configured, config->limits);
    product.provider = dev ? dev_provider : NewOidcProvider(configured.provider, *http, clock);
    if (const auto* local = std::get_if<LocalApplicationsConfig>(&configured.applications)) {
      product.applications = NewLocalDirectory(product.id, local->regions, storage->applications(), clock, *keys);
    } else {
      product.applications = NewNoDirectory();
    }
    products.emplace(product.id, std::move(product));
  }

  FlowCache cache(kCachedFlows);
  WatchHub watches(clock, GraceOptions{.grace = config->limits.grace});
  Nursery nursery;
  Shared<SignedIn> exchanges(nursery, kAnswersKept);
  Shared<Tokens> refreshes(nursery, kAnswersKept);
  Timers timers(workers.executor());
  DevicePace device_pace(
      [&timers](absl::Duration duration, Done<bool> woken) { timers.Sleep(duration, std::move(woken)); });
  World world{.clock = clock,
              .keys = *keys,
              .flows = storage->flows(),
              .invocations = storage->invocations(),
              .observer = metrics.flows(),
              .products = products,
              .cache = cache,
              .watches = watches,
              .exchanges = exchanges,
              .refreshes = refreshes,
              .device_pace = device_pace,
              .executor = workers.executor()};
  absl::Status served;
  {
    DeliveryOptions delivery_options;
    // What is in memory alone is told at once: nothing that waited would survive the stop.
    if (dev) delivery_options.gather = absl::ZeroDuration();
    DeliveryLoop delivery(storage->outbox(), clock, *keys, std::move(sinks), &metrics.delivery(), workers.executor(),
                          delivery_options);
    Parts parts{.world = world,
                .nursery = nursery,
                .storage = *storage,
                .retention = config->retention,
                .metrics = metrics,
                .timers = timers,
                .http = *http,
                .http_listener = **listener,
                .delivery = delivery,
                .dev_authorize = {}};
    if (dev)
      parts.dev_authorize = [dev_provider](const std::string& query) { return dev_provider->DevAuthorize(query); };
    served = Serve(options, std::move(parts));
  }
  http->Stop();
  storage.reset();
  workers.Join();
  return served;
}

// What a verb ends with. One whose answer could not be written has failed, unless a reader had seen enough.
int Answered(int code) {
  std::cout.flush();
  if (code != 0 || std::cout.good()) return code;
  pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  if (poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0) return code;
  std::cerr << "authflowd: the answer cannot be written to standard output\n";
  return 1;
}

int Main(int argc, char** argv) {
  TakeSignals();
  const std::variant<Options, int> parsed = ParseOptions(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) return Answered(*code);
  const Options& options = std::get<Options>(parsed);
  if (options.verb == Verb::kInit) return Answered(RunInit(options));
  if (options.verb == Verb::kCheck || options.verb == Verb::kProbe) return Answered(RunCheck(options));

  umask(077);
  if (options.verb != Verb::kServe && options.verb != Verb::kDev) return Answered(RunOperatorVerb(options));
  StartLog(options.log_format, options.log_level);
  const absl::Status served = Run(options);
  StopLog();
  if (served.ok()) return 0;
  std::cerr << "authflowd: " << std::string(served.message()) << "\n";
  return 1;
}

}  // namespace
}  // namespace authflow

// tcmalloc's, which programs under a sanitizer do not have.
extern "C" __attribute__((weak)) int MallocExtension_SetNumericProperty(const char* property, size_t value);

int main(int argc, char** argv) {
  // Shells give 1024 files, for programs that use select(); each connection is one. What the system allows is the
  // limit.
  rlimit files = {};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
  }
  // Threads that wake one another to run after each other, not instead: on busy cores a commit gathers more, and a call
  // needs fewer switches (docs/decisions/0012). Whoever starts us may have chosen otherwise.
  const sched_param none = {};
  if (sched_getscheduler(0) == SCHED_OTHER) (void)sched_setscheduler(0, SCHED_BATCH, &none);
  // What all threads together may keep for their next allocations.
  constexpr size_t kThreadCaches = 8 << 20;
  if (MallocExtension_SetNumericProperty != nullptr) {
    MallocExtension_SetNumericProperty("tcmalloc.max_total_thread_cache_bytes", kThreadCaches);
  }
  // Debian builds Abseil with its search for cycles of locks, which every lock pays for.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return authflow::Main(argc, argv);
}
