#include "client/cli/usage.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <numeric>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace authflow {
namespace {

// How many letters are to be added, taken away or replaced (Levenshtein).
size_t Distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

std::vector<std::string> CommandsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

void AddFlagsOf(const CLI::App& app, std::vector<std::string>& flags) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
}

std::string Question(const std::string& meant) {
  return meant.empty() ? "" : absl::StrCat(" Did you mean \"", meant, "\"?");
}

}  // namespace

std::string Meant(const std::string& typed, const std::vector<std::string>& known) {
  constexpr size_t kMostWrong = 2;
  std::string best;
  size_t least = kMostWrong + 1;
  for (const std::string& name : known) {
    if (typed.find_first_not_of('-') != typed.npos && absl::StartsWith(name, typed)) return name;
    const size_t wrong = Distance(typed, name);
    // Of a short word, two other letters make another word.
    if (wrong < least && 2 * wrong < std::max(typed.size(), name.size())) {
      best = name;
      least = wrong;
    }
  }
  return best;
}

std::string UsageComplaint(const CLI::App& app, const CLI::ParseError& error, const std::vector<std::string>& words) {
  std::vector<std::string> flags;
  std::vector<std::string> path = {app.get_name()};
  const CLI::App* reached = &app;
  AddFlagsOf(app, flags);
  while (!reached->get_subcommands().empty()) {
    reached = reached->get_subcommands().front();
    path.push_back(reached->get_name());
    AddFlagsOf(*reached, flags);
  }
  const std::vector<std::string> commands = CommandsOf(*reached);
  // Not in the order in which they were typed.
  const std::vector<std::string> unknown = app.remaining(/*recurse=*/true);
  const auto first = std::find_if(words.begin(), words.end(), [&unknown](const std::string& word) {
    return std::find(unknown.begin(), unknown.end(), word) != unknown.end();
  });
  std::string text;
  if (first == words.end()) {
    const bool command_is_missing = !commands.empty() && dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
    text = command_is_missing ? absl::StrCat("Say what to do: ", absl::StrJoin(commands, ", "), ".") : error.what();
  } else if (absl::StartsWith(*first, "-")) {
    const std::string flag = first->substr(0, first->find('='));
    text = absl::StrCat("There is no flag \"", flag, "\" here.", Question(Meant(flag, flags)));
  } else if (!commands.empty()) {
    text = absl::StrCat("There is no command \"", *first, "\" here.", Question(Meant(*first, commands)));
  } else {
    text = absl::StrCat("\"", *first, "\" is one word too many.");
  }
  const std::string command = absl::StrJoin(path, " ");
  return absl::StrCat(app.get_name(), ": ", text, "\nRun \"", command, " --help\" to see what there is.\n");
}

}  // namespace authflow
