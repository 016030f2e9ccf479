#include "server/applications/local_directory.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/applications/name_rules.h"
#include "server/base/error_class.h"
#include "server/base/random.h"

namespace authflow {
namespace {

constexpr int kDefaultPage = 50;
constexpr int kLargestPage = 1000;
constexpr size_t kPositionBytes = 8;

// Lengths in front: no two lists of parts join to the same text.
std::string Joined(std::initializer_list<const std::string*> parts) {
  std::string joined;
  for (const std::string* part : parts) absl::StrAppend(&joined, part->size(), ":", *part);
  return joined;
}

std::string PositionBytes(int64_t position) {
  std::string bytes(kPositionBytes, '\0');
  for (size_t i = 0; i < kPositionBytes; ++i) {
    bytes[kPositionBytes - 1 - i] = static_cast<char>(static_cast<uint64_t>(position) >> (8 * i));
  }
  return bytes;
}

int64_t PositionOf(const std::string& bytes) {
  uint64_t position = 0;
  for (size_t i = 0; i < kPositionBytes; ++i) position = position << 8 | static_cast<uint8_t>(bytes[i]);
  return static_cast<int64_t>(position);
}

class LocalDirectory final : public ApplicationDirectory {
 public:
  LocalDirectory(std::string product, std::vector<std::string> regions, ApplicationStore& store, const Clock& clock,
                 const Keys& keys)
      : product_(std::move(product)), regions_(std::move(regions)), store_(store), clock_(clock), keys_(keys) {}

  Task<absl::StatusOr<ApplicationPage>> List(Owner owner, int page_size, std::string page_token) override {
    const auto after = OpenPageToken(owner.digest, page_token);
    if (!after) {
      co_return Refusal(v1::ERROR_CLASS_PAGE_TOKEN_INVALID,
                        "The page token was not made for this list; begin at the first page.");
    }
    const int size = page_size <= 0 ? kDefaultPage : std::min(page_size, kLargestPage);
    // One more than asked for tells whether there is another page.
    auto rows = co_await store_.ListAfter(product_, owner.digest, *after, size + 1);
    if (!rows.ok()) co_return rows.status();
    ApplicationPage page;
    page.regions = regions_;
    if (rows->size() > static_cast<size_t>(size)) {
      rows->resize(static_cast<size_t>(size));
      page.next_page_token = MakePageToken(owner.digest, rows->back().position);
    }
    for (StoredApplication& row : *rows) page.applications.push_back(std::move(row.application));
    co_return page;
  }

  Task<absl::StatusOr<Application>> Create(Owner owner, NewApplication application) override {
    const absl::Status name = CheckName(application.name);
    if (!name.ok()) co_return name;
    const std::string region = application.region.empty() ? regions_.front() : application.region;
    if (std::find(regions_.begin(), regions_.end(), region) == regions_.end()) {
      co_return Refusal(v1::ERROR_CLASS_REGION_NOT_OFFERED,
                        absl::StrCat("The region is not offered; choose one of: ", absl::StrJoin(regions_, ", "), "."));
    }
    const absl::Time now = clock_.Now();
    StoredApplication row;
    row.product = product_;
    row.owner = owner.digest;
    row.request = Fingerprint(owner.digest, application.request_id);
    row.application.id = NewId(now);
    row.application.name = application.name;
    row.application.region = region;
    row.application.create_time = now;
    auto result = co_await store_.Add(std::move(row));
    if (!result.ok()) co_return result.status();
    const Application& there = result->application;
    if (result->added == ApplicationStore::Added::kNameTaken) {
      co_return Refusal(v1::ERROR_CLASS_APPLICATION_NAME_TAKEN,
                        "There is an application of that name already; choose another name.");
    }
    if (there.name != application.name || there.region != region) {
      co_return Refusal(v1::ERROR_CLASS_REQUEST_ID_REUSED,
                        "The request_id was used to create another application; use a new one.");
    }
    co_return there;
  }

 private:
  static std::string NewId(absl::Time now) {
    const Uuid id = RandomUuid(now);
    const std::string_view bytes = id.AsBytes();
    return absl::StrCat("app_", absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size())));
  }

  std::string Fingerprint(const std::string& owner, const Uuid& request_id) const {
    const std::string request(request_id.AsBytes());
    return keys_.Fingerprint("create_application", Joined({&product_, &owner, &request}));
  }

  std::string PageMac(const std::string& owner, const std::string& position) const {
    return keys_.Fingerprint("application_page", Joined({&product_, &owner, &position}));
  }

  std::string MakePageToken(const std::string& owner, int64_t position) const {
    const std::string bytes = PositionBytes(position);
    return absl::WebSafeBase64Escape(bytes + PageMac(owner, bytes));
  }

  // The position to go on after; nullopt: not a token of this list.
  std::optional<int64_t> OpenPageToken(const std::string& owner, const std::string& token) const {
    if (token.empty()) return 0;
    std::string bytes;
    if (!absl::WebSafeBase64Unescape(token, &bytes) || bytes.size() < kPositionBytes) return std::nullopt;
    const std::string position = bytes.substr(0, kPositionBytes);
    if (!Secret(bytes.substr(kPositionBytes)).Equals(PageMac(owner, position))) return std::nullopt;
    return PositionOf(position);
  }

  const std::string product_;
  const std::vector<std::string> regions_;
  ApplicationStore& store_;
  const Clock& clock_;
  const Keys& keys_;
};

}  // namespace

std::unique_ptr<ApplicationDirectory> NewLocalDirectory(std::string product, std::vector<std::string> regions,
                                                        ApplicationStore& store, const Clock& clock, const Keys& keys) {
  return std::make_unique<LocalDirectory>(std::move(product), std::move(regions), store, clock, keys);
}

}  // namespace authflow
