// A family of which each label set is built once and kept: prometheus-cpp's Add() per call is slow.
#ifndef AUTHFLOW_SERVER_METRICS_KEPT_H_
#define AUTHFLOW_SERVER_METRICS_KEPT_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/fixed_array.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace authflow {

// Thread-safe; the registry outlives it. References stay valid as long as the registry lives. Whoever calls sees to it
// that label values are bounded.
template <typename Metric>
class Kept {
 public:
  // `buckets` are upper bounds, for histograms alone.
  Kept(prometheus::Registry& registry, const std::string& name, const std::string& help,
       std::vector<std::string> labels, prometheus::Histogram::BucketBoundaries buckets = {})
      : family_(Build(registry, name, help)), labels_(std::move(labels)), buckets_(std::move(buckets)) {}

  // One value for each label, in order.
  Metric& With(std::initializer_list<std::string_view> values) {
    size_t size = 0;
    for (const std::string_view value : values) size += value.size() + 1;
    absl::FixedArray<char, 128> key(size);
    char* end = key.data();
    for (const std::string_view value : values) {
      end = std::copy(value.begin(), value.end(), end);
      *end++ = '\0';
    }
    const absl::string_view view(key.data(), key.size());
    {
      absl::ReaderMutexLock lock(&mutex_);
      if (const auto it = kept_.find(view); it != kept_.end()) return *it->second;
    }
    prometheus::Labels labels;
    auto label = labels_.begin();
    for (const std::string_view value : values) labels.emplace(*label++, std::string(value));
    absl::MutexLock lock(&mutex_);
    Metric*& metric = kept_[view];
    if (metric == nullptr) metric = &Add(labels);
    return *metric;
  }

 private:
  static prometheus::Family<Metric>& Build(prometheus::Registry& registry, const std::string& name,
                                           const std::string& help) {
    if constexpr (std::is_same_v<Metric, prometheus::Counter>) {
      return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
    } else if constexpr (std::is_same_v<Metric, prometheus::Gauge>) {
      return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
    } else {
      return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
    }
  }

  Metric& Add(const prometheus::Labels& labels) {
    if constexpr (std::is_same_v<Metric, prometheus::Histogram>) {
      return family_.Add(labels, buckets_);
    } else {
      return family_.Add(labels);
    }
  }

  prometheus::Family<Metric>& family_;
  const std::vector<std::string> labels_;
  const prometheus::Histogram::BucketBoundaries buckets_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Metric*> kept_ ABSL_GUARDED_BY(mutex_);
};

using Counters = Kept<prometheus::Counter>;
using Gauges = Kept<prometheus::Gauge>;
using Histograms = Kept<prometheus::Histogram>;

}  // namespace authflow

#endif  // AUTHFLOW_SERVER_METRICS_KEPT_H_
