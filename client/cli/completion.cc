#include "client/cli/completion.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace authflow {
namespace {

std::string ForBash(const CompletionWords& words) {
  // Readline makes words of ":" and "=" in a value.
  std::string text = absl::StrCat(
      "_authflow() {\n"
      "  local word at= words= value=\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case $word in : | =) value=1; continue ;; esac\n"
      "    if [[ -n $value ]]; then value=; continue; fi\n"
      "    case $word in\n"
      "      ",
      absl::StrJoin(words.with_value, " | "),
      ") value=1 ;;\n"
      "      -*) ;;\n"
      "      *) at=\"${at:+$at }$word\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case $at in\n");
  for (const auto& [path, following] : words.following) {
    absl::StrAppend(&text, "    '", path, "') words='", absl::StrJoin(following, " "), "' ;;\n");
  }
  absl::StrAppend(&text,
                  "  esac\n"
                  "  [[ -n $value ]] && words=\n"
                  "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
                  "}\n"
                  "complete -o default -F _authflow authflow\n");
  return text;
}

std::string ForZsh(const CompletionWords& words) {
  std::string text = absl::StrCat(
      "#compdef authflow\n"
      "_authflow() {\n"
      "  local word at= value=\n"
      "  local -a found\n"
      "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "    if [[ -n $value ]]; then value=; continue; fi\n"
      "    case $word in\n"
      "      ",
      absl::StrJoin(words.with_value, " | "),
      ") value=1 ;;\n"
      "      -*) ;;\n"
      "      *) at=\"${at:+$at }$word\" ;;\n"
      "    esac\n"
      "  done\n"
      "  if [[ -n $value ]]; then _files; return; fi\n"
      "  case $at in\n");
  for (const auto& [path, following] : words.following) {
    absl::StrAppend(&text, "    '", path, "') found=(", absl::StrJoin(following, " "), ") ;;\n");
  }
  // Loaded from a folder of $fpath this is the function itself, and the first Tab is to be answered.
  absl::StrAppend(
      &text,
      "  esac\n"
      "  compadd -a -- found\n"
      "}\n"
      "if [[ ${funcstack[1]} == _authflow ]]; then _authflow \"$@\"; else compdef _authflow authflow; fi\n");
  return text;
}

std::string ForFish(const CompletionWords& words) {
  std::string text = absl::StrCat(
      "# Whether the commands so far are those given.\n"
      "function __authflow_at\n"
      "    set -l path\n"
      "    set -l value 0\n"
      "    for word in (commandline -opc)[2..-1]\n"
      "        if test $value = 1\n"
      "            set value 0\n"
      "        else if contains -- $word ",
      absl::StrJoin(words.with_value, " "),
      "\n"
      "            set value 1\n"
      "        else if not string match -q -- '-*' $word\n"
      "            set -a path $word\n"
      "        end\n"
      "    end\n"
      "    test $value = 0 -a \"$path\" = \"$argv[1]\"\n"
      "end\n"
      "complete -c authflow -f\n");
  for (const auto& [path, following] : words.following) {
    for (const std::string& word : following) {
      const bool flag = word.substr(0, 2) == "--";
      const bool value = flag && words.with_value.count(word) > 0;
      // A flag of the whole may stand anywhere.
      const std::string when = flag && path.empty() ? "" : absl::StrCat(" -n '__authflow_at \"", path, "\"'");
      absl::StrAppend(&text, "complete -c authflow", when, value ? " -r" : "", flag ? " -l " : " -a ",
                      flag ? word.substr(2) : word, "\n");
    }
  }
  return text;
}

}  // namespace

std::string CompletionFor(const std::string& shell, CompletionWords words) {
  if (shell == "fish") return ForFish(words);
  const auto general = words.following[""];
  for (auto& [path, following] : words.following) {
    if (path.empty()) continue;
    for (const std::string& word : general) {
      const bool known = std::find(following.begin(), following.end(), word) != following.end();
      if (word.substr(0, 2) == "--" && !known) following.push_back(word);
    }
  }
  return shell == "zsh" ? ForZsh(words) : ForBash(words);
}

}  // namespace authflow
