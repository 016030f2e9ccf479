#include "client/cli/apps_list.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/applications.h"
#include "client/cli/printable.h"
#include "client/cli/signed_in_call.h"

namespace authflow {
namespace {

void Tell(const Command& command, const ApplicationList& list, Result& result) {
  auto items = nlohmann::ordered_json::array();
  int name_width = 4;
  int region_width = 6;
  for (const auto& one : list.applications) {
    items.push_back(DocumentOf(one));
    name_width = std::max(name_width, ColumnsOf(one.name()));
    region_width = std::max(region_width, ColumnsOf(one.region()));
  }
  result.document["applications"] = std::move(items);
  if (list.applications.empty()) {
    command.out.Say("You have no application yet: \"authflow apps create\" makes one.");
    return;
  }
  const auto padded = [](const std::string& text, int width) {
    return text + std::string(std::max(width - ColumnsOf(text), 0), ' ') + "  ";
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
  SignedInCall<ApplicationList> list = [command](Secret access_token) {
    return ListAllApplications(command->client, command->product, std::move(access_token), Secret());
  };
  const auto listed = co_await CallSignedIn<ApplicationList>(command, std::move(list), &result);
  if (listed) Tell(*command, *listed, result);
  co_return result;
}

}  // namespace authflow
