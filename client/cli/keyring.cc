#include "client/cli/keyring.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace authflow {
namespace {

// --- libsecret-1.so.0, GLib and GIO as their stable interfaces have them. Declared here and looked up when needed:
// neither the build nor a machine without a desktop wants those libraries.

struct GError {
  uint32_t domain;
  int code;
  char* message;
};
struct GCancellable;
struct SecretSchema {
  const char* name;
  int flags;
  struct {
    const char* name;
    int type;
  } attributes[32];
  int reserved;
  void* reserved_pointers[7];
};
constexpr int kNoFlags = 0;
constexpr int kStringAttribute = 0;
constexpr SecretSchema kSchema = {
    "dev.authflow.Login",
    kNoFlags,
    {{"folder", kStringAttribute}, {"profile", kStringAttribute}, {"id", kStringAttribute}, {nullptr, 0}},
    0,
    {}};

struct Libsecret {
  int (*store)(const SecretSchema*, const char* collection, const char* label, const char* password, GCancellable*,
               GError**, ...);
  char* (*lookup)(const SecretSchema*, GCancellable*, GError**, ...);
  int (*clear)(const SecretSchema*, GCancellable*, GError**, ...);
  void (*free_password)(char*);
  GCancellable* (*new_cancellable)();
  void (*cancel)(GCancellable*);
  void (*free_error)(GError*);
};

template <typename Function>
bool Find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

// nullptr: this machine has none. Never unloaded.
const Libsecret* LoadLibrary() {
  // GIO and GLib come with it, and are found through it.
  void* library = dlopen("libsecret-1.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return nullptr;
  auto* found = new Libsecret;
  const bool whole = Find(library, "secret_password_store_sync", found->store) &&
                     Find(library, "secret_password_lookup_sync", found->lookup) &&
                     Find(library, "secret_password_clear_sync", found->clear) &&
                     Find(library, "secret_password_free", found->free_password) &&
                     Find(library, "g_cancellable_new", found->new_cancellable) &&
                     Find(library, "g_cancellable_cancel", found->cancel) &&
                     Find(library, "g_error_free", found->free_error);
  return whole ? found : nullptr;
}

// --- The rest is ours.

std::atomic<bool> given_up{false};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Without one GIO would start a bus of its own where there is a display.
bool HasSessionBus() {
  if (!Variable("DBUS_SESSION_BUS_ADDRESS").empty()) return true;
  const std::string folder = Variable("XDG_RUNTIME_DIR");
  struct stat found = {};
  return !folder.empty() && stat((folder + "/bus").c_str(), &found) == 0;
}

absl::StatusOr<const Libsecret*> Usable() {
  const std::string wish = Variable("AUTHFLOW_KEYRING");
  if (wish == "0" || wish == "off") return absl::UnavailableError(absl::StrCat("AUTHFLOW_KEYRING is ", wish));
  if (!HasSessionBus()) return absl::UnavailableError("there is no session bus");
  if (given_up) return absl::UnavailableError("the keyring did not answer before");
  static const Libsecret* const library = LoadLibrary();
  if (library == nullptr) return absl::UnavailableError("libsecret is not installed");
  return library;
}

absl::Status Failed(const Libsecret& library, GError* error) {
  const absl::Status status = absl::UnavailableError(
      absl::StrCat("the keyring refused: ", error->message == nullptr ? "no reason" : error->message));
  library.free_error(error);
  return status;
}

using Answer = absl::StatusOr<Secret>;

// Runs `call` on a thread of its own: libsecret blocks for as long as a person needs to unlock a keyring, or for ever.
Answer Bounded(std::chrono::milliseconds limit, std::function<Answer(const Libsecret&, GCancellable*)> call) {
  const auto library = Usable();
  if (!library.ok()) return library.status();
  GCancellable* const stop = (*library)->new_cancellable();  // leaked, as the thread may need it for longer than we do
  auto promise = std::make_shared<std::promise<Answer>>();
  auto answer = promise->get_future();
  std::thread([promise, stop, library = *library, call = std::move(call)] {
    promise->set_value(call(*library, stop));
  }).detach();
  if (answer.wait_for(limit) == std::future_status::ready) return answer.get();
  given_up = true;
  (*library)->cancel(stop);
  return absl::UnavailableError(
      absl::StrCat("the keyring did not answer within ", (limit.count() + 999) / 1000, " s (is it locked?)"));
}

}  // namespace

absl::Status StoreInKeyring(KeyringItem item, std::string label, Secret secret, std::chrono::milliseconds limit) {
  const auto call = [item = std::move(item), label = std::move(label), secret = std::move(secret)](
                        const Libsecret& library, GCancellable* stop) -> Answer {
    GError* error = nullptr;
    library.store(&kSchema, "default", label.c_str(), secret.Reveal().c_str(), stop, &error, "folder",
                  item.folder.c_str(), "profile", item.profile.c_str(), "id", item.id.c_str(), nullptr);
    if (error != nullptr) return Failed(library, error);
    return Secret();
  };
  return Bounded(limit, call).status();
}

absl::StatusOr<Secret> LoadFromKeyring(KeyringItem item, std::chrono::milliseconds limit) {
  const auto call = [item = std::move(item)](const Libsecret& library, GCancellable* stop) -> Answer {
    GError* error = nullptr;
    char* found = library.lookup(&kSchema, stop, &error, "folder", item.folder.c_str(), "profile", item.profile.c_str(),
                                 "id", item.id.c_str(), nullptr);
    if (error != nullptr) return Failed(library, error);
    if (found == nullptr) return absl::NotFoundError("the keyring has no such item");
    Secret secret{std::string(found)};
    library.free_password(found);
    return secret;
  };
  return Bounded(limit, call);
}

absl::Status ClearKeyring(KeyringItem item, std::chrono::milliseconds limit) {
  const auto call = [item = std::move(item)](const Libsecret& library, GCancellable* stop) -> Answer {
    GError* error = nullptr;
    if (item.id.empty()) {
      library.clear(&kSchema, stop, &error, "folder", item.folder.c_str(), "profile", item.profile.c_str(), nullptr);
    } else {
      library.clear(&kSchema, stop, &error, "folder", item.folder.c_str(), "profile", item.profile.c_str(), "id",
                    item.id.c_str(), nullptr);
    }
    if (error != nullptr) return Failed(library, error);
    return Secret();
  };
  return Bounded(limit, call).status();
}

}  // namespace authflow
