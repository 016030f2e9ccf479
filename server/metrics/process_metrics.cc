#include "server/metrics/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace authflow {
namespace {

prometheus::MetricFamily One(const char* name, const char* help, prometheus::MetricType type, double value) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  prometheus::ClientMetric metric;
  (type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  family.metric.push_back(metric);
  return family;
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

std::vector<prometheus::MetricFamily> ProcessMetrics::Collect() const {
  using prometheus::MetricType;
  std::vector<prometheus::MetricFamily> families;
  rusage usage = {};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    families.push_back(One("process_cpu_seconds_total", "User and system CPU time.", MetricType::Counter,
                           Seconds(usage.ru_utime) + Seconds(usage.ru_stime)));
  }
  std::ifstream statm("/proc/self/statm");
  int64_t size = 0;
  int64_t resident = 0;
  if (statm >> size >> resident) {
    families.push_back(One("process_resident_memory_bytes", "Resident memory.", MetricType::Gauge,
                           static_cast<double>(resident * sysconf(_SC_PAGESIZE))));
  }
  std::error_code error;
  const std::filesystem::directory_iterator fds("/proc/self/fd", error);
  if (!error) {
    families.push_back(One("process_open_fds", "Open file descriptors.", MetricType::Gauge,
                           static_cast<double>(std::distance(begin(fds), end(fds)))));
  }
  return families;
}

}  // namespace authflow
