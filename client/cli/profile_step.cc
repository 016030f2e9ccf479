// The last step: profile and tokens on the disk.
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/kept_login.h"
#include "client/cli/login_flow.h"
#include "client/cli/on_thread.h"
#include "client/cli/profile.h"
#include "client/cli/result.h"
#include "client/cli/session.h"
#include "client/cli/token_store.h"

namespace authflow {
namespace {

struct Prepared {
  absl::StatusOr<PreparedFile> login = absl::UnknownError("");
  absl::StatusOr<PreparedFile> profile = absl::UnknownError("");
};

StoredLogin LoginOf(const LoginFlow& flow) {
  const auto& identity = flow.signed_in.identity();
  StoredLogin login{.server = flow.command->client->server(),
                    .product = flow.command->product,
                    .user_id = identity.user_id(),
                    .email = identity.email(),
                    .name = identity.name()};
  login.Adopt(flow.signed_in.tokens());
  return login;
}

Profile ProfileOf(const LoginFlow& flow) {
  const auto& identity = flow.signed_in.identity();
  Profile profile{.server = flow.command->client->server(),
                  .product = flow.command->product,
                  .user_id = identity.user_id(),
                  .email = identity.email()};
  const auto& before = flow.command->profile;
  if (flow.application) {
    profile.application_id = flow.application->id();
    profile.application_name = flow.application->name();
    profile.region = flow.application->region();
  } else if (!flow.plan.choose_application && before && before->user_id == profile.user_id &&
             before->server == profile.server && before->product == profile.product) {
    profile.application_id = before->application_id;
    profile.application_name = before->application_name;
    profile.region = before->region;
  }
  return profile;
}

// Writes beside the files' places.
std::shared_ptr<Prepared> Prepare(const Folders& folders, const std::string& name, const StoredLogin& login,
                                  const Profile& profile) {
  auto prepared = std::make_shared<Prepared>();
  prepared->login = PrepareLogin(folders, name, login);
  prepared->profile = PrepareProfile(folders, name, profile);
  return prepared;
}

// Dropped from the keyring again unless it is kept.
class NewItem {
 public:
  NewItem(std::shared_ptr<Command> command, std::string id) : command_(std::move(command)), id_(std::move(id)) {}
  ~NewItem() {
    if (!id_.empty()) DropFromKeyring(command_, id_);
  }
  NewItem(const NewItem&) = delete;
  NewItem& operator=(const NewItem&) = delete;
  void Keep() { id_.clear(); }

 private:
  std::shared_ptr<Command> command_;
  std::string id_;
};

absl::Status NotWritten(const absl::Status& why) {
  return Refusal(v1::ERROR_CLASS_CLIENT_PROFILE_WRITE,
                 absl::StrCat("You signed in, but it could not be kept here. ", std::string(why.message())));
}

}  // namespace

Task<absl::Status> CheckPlaces(LoginFlowPtr flow) {
  const std::string& name = flow->command->options.profile_name;
  const Folders& folders = flow->command->folders;
  std::function<absl::Status()> check = [profile = ProfilePath(folders, name), login = LoginPath(folders, name)] {
    const absl::Status status = CheckWritable(login);
    return status.ok() ? CheckWritable(profile) : status;
  };
  const absl::Status writable = co_await OnThread(std::move(check));
  if (writable.ok()) co_return writable;
  co_return Refusal(v1::ERROR_CLASS_CLIENT_PROFILE_WRITE,
                    absl::StrCat("A login could not be kept here. ", std::string(writable.message())));
}

Task<absl::Status> ProfileStep(LoginFlowPtr flow) {
  const auto& command = flow->command;
  const absl::Status entered = co_await EnterStep(flow, v1::STEP_PROFILE_CONFIGURE);
  if (!entered.ok()) co_return entered;
  const auto lock = co_await LockLogin(command);
  if (!lock.ok()) co_return NotWritten(lock.status());
  const Folders& folders = command->folders;
  const std::string& name = command->options.profile_name;
  Waiting waiting;
  waiting.what = "Keeping your login";
  const WaitLine wait(command->executor, command->out, std::move(waiting));
  const auto before = LoadLogin(folders, name);
  const KeptLogin kept = co_await PutInKeyring(command, LoginOf(*flow));
  // Until the files are in place.
  auto unused = std::make_unique<NewItem>(command, kept.login.keyring_id);
  if (command->interrupt.happened()) co_return Cancelled();
  std::function<std::shared_ptr<Prepared>()> prepare = [folders, name, login = kept.login, profile = ProfileOf(*flow)] {
    return Prepare(folders, name, login, profile);
  };
  const auto prepared = co_await OnThread(std::move(prepare));
  if (command->interrupt.happened()) co_return Cancelled();
  if (!prepared->login.ok()) co_return NotWritten(prepared->login.status());
  if (!prepared->profile.ok()) co_return NotWritten(prepared->profile.status());
  const absl::Status profile = prepared->profile->Commit();
  if (!profile.ok()) co_return NotWritten(profile);
  const absl::Status login = prepared->login->Commit();
  if (!login.ok()) co_return NotWritten(login);
  unused->Keep();
  if (before.ok() && *before && !(*before)->keyring_id.empty()) DropFromKeyring(command, (*before)->keyring_id);
  flow->no_keyring = kept.why_not;
  flow->saved = true;
  std::function<bool()> sync = [folders, name] {
    SyncFolderOf(ProfilePath(folders, name));
    SyncFolderOf(LoginPath(folders, name));
    return true;
  };
  co_await OnThread(std::move(sync));
  co_return absl::OkStatus();
}

}  // namespace authflow
