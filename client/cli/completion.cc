#include "client/cli/completion.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace authflow {
namespace {

// zsh runs bash's function through its own compatibility layer.
std::string ForBash(const CompletionWords& words, bool zsh) {
  std::string text = zsh ? "#compdef authflow\nautoload -U +X bashcompinit && bashcompinit\n" : "";
  absl::StrAppend(&text,
                  "_authflow() {\n"
                  "  local word path= words=\n"
                  "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
                  "    case $word in -*) ;; *) path=\"${path:+$path }$word\" ;; esac\n"
                  "  done\n"
                  "  case $path in\n");
  for (const auto& [path, following] : words) {
    absl::StrAppend(&text, "    '", path, "') words='", absl::StrJoin(following, " "), "' ;;\n");
  }
  absl::StrAppend(&text,
                  "  esac\n"
                  "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
                  "}\n"
                  "complete -F _authflow authflow\n");
  return text;
}

std::string ForFish(const CompletionWords& words) {
  std::string text = "complete -c authflow -f\n";
  for (const auto& [path, following] : words) {
    const std::string condition =
        path.empty() ? "__fish_use_subcommand"
                     : absl::StrCat("string match -qr '^authflow( --\\S+)* ", path, "( |$)' -- (commandline -pc)");
    for (const std::string& word : following) {
      const bool flag = word.substr(0, 2) == "--";
      // A flag of the whole may stand anywhere.
      const std::string when = flag && path.empty() ? "" : absl::StrCat(" -n \"", condition, "\"");
      absl::StrAppend(&text, "complete -c authflow", when, flag ? " -l " : " -a ", flag ? word.substr(2) : word, "\n");
    }
  }
  return text;
}

}  // namespace

std::string CompletionFor(const std::string& shell, const CompletionWords& words) {
  CompletionWords all = words;
  const auto& general = words.at("");
  for (auto& [path, following] : all) {
    if (path.empty()) continue;
    for (const std::string& word : general) {
      const bool known = std::find(following.begin(), following.end(), word) != following.end();
      if (shell != "fish" && word.substr(0, 2) == "--" && !known) following.push_back(word);
    }
  }
  return shell == "fish" ? ForFish(all) : ForBash(all, shell == "zsh");
}

}  // namespace authflow
