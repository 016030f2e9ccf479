// What the programs that make calls share: channels, and so many calls in flight.
#ifndef AUTHFLOW_TESTS_BENCH_LOAD_H_
#define AUTHFLOW_TESTS_BENCH_LOAD_H_

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace authflow {

using Clock = std::chrono::steady_clock;

inline std::shared_ptr<grpc::Channel> Open(const std::string& address, const char* ca) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (ca == nullptr) return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  std::ifstream file(ca, std::ios::binary);
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs.assign(std::istreambuf_iterator<char>(file), {});
  arguments.SetSslTargetNameOverride("localhost");
  return grpc::CreateCustomChannel(address, grpc::SslCredentials(tls), arguments);
}

// One call under way; used again for the next one.
template <typename Request, typename Response>
struct Slot {
  Request request;
  Response response;
  std::unique_ptr<grpc::ClientContext> context;
  Clock::time_point begun;
};

// Keeps so many calls in flight until `count` have been made. Service: v1::FlowService and the like.
template <typename Service, typename Request, typename Response>
class Load {
 public:
  using Send = std::function<void(typename Service::Stub&, grpc::ClientContext*, const Request*, Response*,
                                  std::function<void(grpc::Status)>)>;
  // `fill` prepares call i; `took` looks at its answer.
  Load(const std::vector<std::shared_ptr<grpc::Channel>>& channels, size_t count, size_t in_flight, Send send,
       std::function<void(size_t, Request&)> fill, std::function<void(size_t, const Response&)> took)
      : count_(count), send_(std::move(send)), fill_(std::move(fill)), took_(std::move(took)), micros_(count) {
    for (const auto& channel : channels) stubs_.push_back(Service::NewStub(channel));
    slots_.resize(std::min(in_flight, count));
  }

  // False: a call failed.
  bool Run() {
    const auto start = Clock::now();
    for (size_t i = 0; i < slots_.size(); ++i) Next(i);
    {
      std::unique_lock lock(mutex_);
      done_.wait(lock, [&] { return finished_ == slots_.size(); });
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    std::sort(micros_.begin(), micros_.end());
    std::cout << "{\"calls\": " << count_ << ", \"failed\": " << failed_ << ", \"seconds\": " << seconds
              << ", \"per_second\": " << static_cast<double>(count_) / seconds
              << ", \"p50_us\": " << micros_[count_ / 2] << ", \"p99_us\": " << micros_[count_ * 99 / 100]
              << ", \"response_bytes\": " << bytes_ << "}" << std::endl;
    return failed_ == 0;
  }

 private:
  void Next(size_t slot_index) {
    const size_t call = next_++;
    if (call >= count_) {
      std::lock_guard lock(mutex_);
      ++finished_;
      done_.notify_one();
      return;
    }
    auto& slot = slots_[slot_index];
    fill_(call, slot.request);
    slot.context = std::make_unique<grpc::ClientContext>();
    slot.begun = Clock::now();
    send_(*stubs_[slot_index % stubs_.size()], slot.context.get(), &slot.request, &slot.response,
          [this, call, slot_index](const grpc::Status& status) {
            auto& slot = slots_[slot_index];
            micros_[call] = static_cast<uint32_t>(
                std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - slot.begun).count());
            if (status.ok()) {
              took_(call, slot.response);
              bytes_ = slot.response.ByteSizeLong();
            } else if (++failed_ == 1) {
              std::cerr << status.error_code() << " " << status.error_message() << "\n";
            }
            Next(slot_index);
          });
  }

  const size_t count_;
  const Send send_;
  const std::function<void(size_t, Request&)> fill_;
  const std::function<void(size_t, const Response&)> took_;
  std::vector<std::unique_ptr<typename Service::Stub>> stubs_;
  std::vector<Slot<Request, Response>> slots_;
  std::vector<uint32_t> micros_;
  std::atomic<size_t> next_ = 0;
  std::atomic<size_t> failed_ = 0;
  std::atomic<size_t> bytes_ = 0;
  std::mutex mutex_;
  std::condition_variable done_;
  size_t finished_ = 0;
};

// Two connections: one would be the bottleneck.
inline std::vector<std::shared_ptr<grpc::Channel>> Channels(const std::string& address, const char* ca) {
  return {Open(address, ca), Open(address, ca)};
}

}  // namespace authflow

#endif  // AUTHFLOW_TESTS_BENCH_LOAD_H_
