#include "client/cli/apps_list.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/applications.h"
#include "client/cli/login.h"
#include "client/cli/session.h"

namespace authflow {
namespace {

// With the stored session, refreshed if its time is up or the server refuses it.
Task<absl::StatusOr<ApplicationList>> List(std::shared_ptr<Command> command) {
  auto login = co_await FreshLogin(command, Secret());
  if (!login.ok()) co_return login.status();
  Secret access_token = login->access_token;
  auto list = co_await ListAllApplications(command->client, command->product, access_token, Secret());
  if (ClassOf(list.status()) != v1::ERROR_CLASS_ACCESS_TOKEN_REFUSED) co_return list;
  login = co_await FreshLogin(command, access_token);
  if (!login.ok()) co_return login.status();
  access_token = login->access_token;
  list = co_await ListAllApplications(command->client, command->product, access_token, Secret());
  co_return list;
}

Task<absl::StatusOr<ApplicationList>> GuardedList(std::shared_ptr<Command> command) {
  auto list = co_await command->interrupt.Guard(List(command));
  if (!list) co_return Cancelled();
  co_return *std::move(list);
}

bool IsSessionOver(const absl::Status& status) {
  const ErrorClass error_class = ClassOf(status);
  return error_class == v1::ERROR_CLASS_REFRESH_TOKEN_REFUSED || error_class == v1::ERROR_CLASS_ACCESS_TOKEN_REFUSED;
}

void Tell(const Command& command, const ApplicationList& list, Result& result) {
  auto items = nlohmann::ordered_json::array();
  size_t name_width = 4;
  size_t region_width = 6;
  for (const auto& one : list.applications) {
    items.push_back({{"id", one.id()}, {"name", one.name()}, {"region", one.region()}});
    name_width = std::max(name_width, one.name().size());
    region_width = std::max(region_width, one.region().size());
  }
  result.document["applications"] = std::move(items);
  if (list.applications.empty()) {
    command.out.Say("You have no application yet: \"authflow login\" makes one.");
    return;
  }
  const auto padded = [](const std::string& text, size_t width) {
    return text + std::string(width > text.size() ? width - text.size() : 0, ' ') + "  ";
  };
  std::string table = padded("  NAME", name_width + 2) + padded("REGION", region_width) + "ID";
  for (const auto& one : list.applications) {
    const bool current = command.profile && command.profile->application_id == one.id();
    absl::StrAppend(&table, "\n", current ? "* " : "  ", padded(one.name(), name_width),
                    padded(one.region(), region_width), one.id());
  }
  command.out.Print(table);
}

}  // namespace

Task<Result> AppsList(std::shared_ptr<Command> command) {
  Result result;
  auto list = co_await GuardedList(command);
  if (!list.ok() && IsSessionOver(list.status()) && command->terminal) {
    command->out.Say(absl::StrCat(std::string(list.status().message()), " Signing in again."));
    LoginPlan plan{.kind = v1::FLOW_KIND_REAUTHENTICATION, .choose_application = false};
    Result login = co_await Login(command, plan);
    if (!login.status.ok()) co_return login;
    list = co_await GuardedList(command);
  }
  if (list.ok()) {
    Tell(*command, *list, result);
  } else {
    result.status = list.status();
  }
  co_return result;
}

}  // namespace authflow
