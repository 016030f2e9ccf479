#include "client/cli/new_application.h"

#include <algorithm>
#include <utility>

#include "server/base/error_class.h"

namespace authflow {
namespace {

// What the server would refuse, said before it is asked.
std::string NameProblem(const std::string& name) {
  if (name.empty()) return "A name is needed.";
  const auto characters = std::count_if(name.begin(), name.end(), [](char c) { return (c & 0xC0) != 0x80; });
  return characters > 64 ? "A name has 64 characters at most." : "";
}

}  // namespace

Task<NewApplication> AskForNewApplication(std::shared_ptr<Command> command, std::vector<std::string> regions) {
  NewApplication wanted;
  Question question;
  question.text = "Name of the new application";
  question.problem = NameProblem;
  const Line name = co_await Ask(command->terminal, std::move(question));
  wanted.said = name.said;
  wanted.name = name.text;
  wanted.region = command->options.region;
  if (wanted.said == Said::kAnswer && wanted.region.empty() && regions.size() > 1) {
    Choice choice;
    choice.title = "Where shall it be?";
    choice.items = regions;
    const Chosen region = co_await Choose(command->terminal, std::move(choice));
    wanted.said = region.said;
    wanted.region = regions[region.index];
  }
  co_return wanted;
}

bool WantsAnotherName(const absl::Status& status) {
  const ErrorClass error_class = ClassOf(status);
  return error_class == v1::ERROR_CLASS_APPLICATION_NAME_TAKEN ||
         error_class == v1::ERROR_CLASS_APPLICATION_NAME_INVALID;
}

}  // namespace authflow
