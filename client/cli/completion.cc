#include "client/cli/completion.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace authflow {
namespace {

bool IsFlag(const CompletionWord& word) { return word.word.substr(0, 2) == "--"; }

void AppendWord(std::string* text, const CompletionWord& word) { absl::StrAppend(text, word.word); }

std::string ForBash(CompletionWords words) {
  const auto general = words.following[""];
  for (auto& [path, following] : words.following) {
    if (path.empty()) continue;
    for (const CompletionWord& one : general) {
      const auto same = [&one](const CompletionWord& other) { return other.word == one.word; };
      if (IsFlag(one) && std::none_of(following.begin(), following.end(), same)) following.push_back(one);
    }
  }
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
    absl::StrAppend(&text, "    '", path, "') words='", absl::StrJoin(following, " ", AppendWord), "' ;;\n");
  }
  absl::StrAppend(&text,
                  "  esac\n"
                  "  [[ -n $value ]] && words=\n"
                  "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
                  "}\n"
                  "complete -o default -F _authflow authflow\n");
  return text;
}

// As _describe wants them: 'word:description'.
void AppendForZsh(std::string* text, const CompletionWord& word) {
  const std::string described = word.description.empty() ? word.word : absl::StrCat(word.word, ":", word.description);
  absl::StrAppend(text, "'", absl::StrReplaceAll(described, {{"'", "'\\''"}}), "'");
}

std::string ForZsh(const CompletionWords& words) {
  std::string text = absl::StrCat(
      "#compdef authflow\n"
      "_authflow() {\n"
      "  local word at= value=\n"
      "  local -a general\n"
      "  local -aU found\n"
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
    absl::StrAppend(&text, "    '", path, "') found=(", absl::StrJoin(following, " ", AppendForZsh), ") ;;\n");
  }
  std::vector<CompletionWord> flags;
  for (const CompletionWord& one : words.following.at("")) {
    if (IsFlag(one)) flags.push_back(one);
  }
  // Loaded from a folder of $fpath this is the function itself, and the first Tab is to be answered.
  absl::StrAppend(
      &text,
      "  esac\n"
      "  general=(",
      absl::StrJoin(flags, " ", AppendForZsh),
      ")\n"
      "  [[ -n $at ]] && found+=($general)\n"
      "  _describe authflow found\n"
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
    for (const CompletionWord& one : following) {
      const auto& [word, description] = one;
      const bool flag = IsFlag(one);
      const bool value = flag && words.with_value.count(word) > 0;
      // A flag of the whole may stand anywhere.
      const std::string when = flag && path.empty() ? "" : absl::StrCat(" -n '__authflow_at \"", path, "\"'");
      absl::StrAppend(&text, "complete -c authflow", when, value ? " -r" : "", flag ? " -l " : " -a ",
                      flag ? word.substr(2) : word);
      if (!description.empty()) {
        absl::StrAppend(&text, " -d '", absl::StrReplaceAll(description, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
      }
      absl::StrAppend(&text, "\n");
    }
  }
  return text;
}

}  // namespace

std::string CompletionFor(const std::string& shell, const CompletionWords& words) {
  if (shell == "fish") return ForFish(words);
  return shell == "zsh" ? ForZsh(words) : ForBash(words);
}

}  // namespace authflow
