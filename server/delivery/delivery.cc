#include "server/delivery/delivery.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "server/base/random.h"
#include "server/delivery/product_delivery.h"

namespace authflow {
namespace {

// For the last writes of a stop: they go to our own store.
constexpr absl::Duration kGiveUpPatience = absl::Seconds(2);

}  // namespace

DeliveryLoop::DeliveryLoop(Outbox& outbox, const Clock& clock, const Keys& keys,
                           absl::flat_hash_map<std::string, std::shared_ptr<Sink>> sinks, DeliveryObserver* observer,
                           Executor executor, DeliveryOptions options)
    : living_(std::make_shared<Living>()), giving_up_(std::make_shared<Living>()), outbox_(outbox) {
  const std::string holder = absl::BytesToHexString(RandomBytes(16));
  for (auto& [product, sink] : sinks) {
    products_.push_back(std::make_shared<ProductDelivery>(ProductDelivery::Parts{.product = product,
                                                                                 .holder = holder,
                                                                                 .outbox = outbox,
                                                                                 .clock = clock,
                                                                                 .keys = keys,
                                                                                 .sink = std::move(sink),
                                                                                 .observer = observer,
                                                                                 .executor = executor,
                                                                                 .options = options,
                                                                                 .living = living_,
                                                                                 .giving_up = giving_up_}));
  }
}

DeliveryLoop::~DeliveryLoop() { Stop(absl::ZeroDuration()); }

void DeliveryLoop::Start() {
  // The outbox keeps this for its whole life, which is longer than ours.
  absl::flat_hash_map<std::string, std::weak_ptr<ProductDelivery>> by_name;
  for (const auto& product : products_) by_name[product->name()] = product;
  outbox_.OnAdded([by_name = std::move(by_name)](const std::string& name) {
    const auto it = by_name.find(name);
    if (it == by_name.end()) return;
    if (const auto product = it->second.lock()) product->Wake();
  });
  for (const auto& product : products_) product->Start();
}

bool DeliveryLoop::Stop(absl::Duration at_most) {
  for (const auto& product : products_) product->Stop();
  if (living_->WaitUntilNone(at_most)) return true;
  for (const auto& product : products_) product->GiveUp();
  giving_up_->WaitUntilNone(kGiveUpPatience);
  return false;
}

}  // namespace authflow
