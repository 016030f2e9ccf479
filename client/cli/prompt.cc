#include "client/cli/prompt.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/cli/menu.h"
#include "client/cli/printable.h"

namespace authflow {
namespace {

constexpr size_t kLongestAnswer = 16 * 1024;

// So many of a long list are read out.
constexpr size_t kPlainRows = 20;

// Draws lines over the ones drawn before.
class Canvas {
 public:
  explicit Canvas(Terminal& terminal) : terminal_(terminal) {}
  // The first is a title, the last a hint.
  void Draw(const std::vector<std::string>& lines) {
    std::string out = Back();
    widths_.clear();
    for (size_t i = 0; i < lines.size(); ++i) {
      const bool chosen = lines[i].starts_with("> ") && (i > 0 || lines.size() == 1);
      const bool hint = i > 0 && i + 1 == lines.size() && !chosen;
      const Tone tone = chosen ? Tone::kChosen : hint ? Tone::kFaint : Tone::kPlain;
      absl::StrAppend(&out, Coloured(lines[i], tone, terminal_.looks().colour), "\n");
      widths_.push_back(ColumnsOf(lines[i]));
    }
    terminal_.Write(out);
  }
  void Clear() {
    terminal_.Write(Back());
    widths_.clear();
  }
  // What was drawn is not to be drawn over: others have written since.
  void Leave() { widths_.clear(); }

 private:
  // To the first line drawn, and all below is gone. Lines that are wider than the terminal is by now have been wrapped,
  // as nearly all terminals do it; one that cuts them instead loses lines of ours above.
  std::string Back() const {
    const int width = std::max(SizeNow().width, 1);
    int rows = 0;
    for (const int columns : widths_) rows += std::max(1, (columns + width - 1) / width);
    return rows == 0 ? "\r\x1b[J" : absl::StrCat("\r\x1b[", rows, "A\x1b[J");
  }
  Terminal& terminal_;
  std::vector<int> widths_;
};

// The number that `text` is, from 1; 0: none of `count`.
size_t NumberIn(const std::string& text, size_t count) {
  size_t number = 0;
  return absl::SimpleAtoi(text, &number) && number <= count ? number : 0;
}

std::string NumberedList(const Choice& choice, const std::vector<size_t>& shown) {
  std::string list = choice.title + "\n";
  for (size_t i = 0; i < shown.size() && i < kPlainRows; ++i) {
    absl::StrAppend(&list, "  ", shown[i] + 1, ". ", choice.items[shown[i]], "\n");
  }
  if (shown.size() > kPlainRows) {
    absl::StrAppend(&list, "  These are ", kPlainRows, " of ", shown.size(), ": type part of a name to see others.\n");
  }
  return list;
}

Task<Chosen> ChooseByNumber(std::shared_ptr<Terminal> terminal, Choice choice) {
  const Filter filter(choice.items);
  const size_t count = choice.items.size();
  std::vector<size_t> shown = filter.Matches("");
  size_t preset = choice.start;
  for (;;) {
    terminal->Write(NumberedList(choice, shown));
    Question question;
    question.text = "Number, or part of a name";
    question.preset = absl::StrCat(preset + 1);
    question.problem = [&filter, count](const std::string& text) -> std::string {
      if (NumberIn(text, count) > 0 || !filter.Matches(text).empty()) return "";
      return absl::StrCat("There is nothing like that. Type a number from 1 to ", count, ", or part of a name.");
    };
    const Line line = co_await Ask(terminal, std::move(question));
    Chosen chosen;
    chosen.said = line.said;
    if (const size_t number = NumberIn(line.text, count); number > 0) chosen.index = number - 1;
    if (line.said != Said::kAnswer || NumberIn(line.text, count) > 0) co_return chosen;
    shown = filter.Matches(line.text);
    preset = shown.front();
  }
}

}  // namespace

Task<Chosen> Choose(std::shared_ptr<Terminal> terminal, Choice choice) {
  choice.title = Printable(choice.title);
  for (auto& item : choice.items) item = Printable(item);
  if (terminal->plain()) {
    const Chosen chosen = co_await ChooseByNumber(terminal, std::move(choice));
    co_return chosen;
  }
  Terminal::Raw raw(*terminal);
  Canvas canvas(*terminal);
  Menu menu(choice.title, std::move(choice.items), choice.pinned, choice.start);
  for (;;) {
    const Size size = SizeNow();
    canvas.Draw(menu.Lines(size.width, size.height));
    const Key key = co_await terminal->ReadKey();
    if (key.kind == Key::kResumed) canvas.Leave();
    const auto after = key.kind == Key::kInterrupted ? Menu::After::kCancelled : menu.Press(key);
    if (after == Menu::After::kOpen) continue;
    canvas.Clear();
    Chosen chosen;
    if (after == Menu::After::kChosen) {
      const std::string told = absl::StrCat(choice.title, " ", menu.chosen());
      terminal->Write(absl::StrCat(Shortened(told, SizeNow().width - 1), "\n"));
      chosen.said = Said::kAnswer;
      chosen.index = menu.index();
    } else if (key.kind == Key::kInterrupted) {
      chosen.said = Said::kInterrupted;
    }
    co_return chosen;
  }
}

Task<Line> Ask(std::shared_ptr<Terminal> terminal, Question question) {
  Terminal::Raw raw(*terminal);
  const std::string prompt =
      absl::StrCat(Printable(question.text),
                   question.preset.empty() ? "" : absl::StrCat(" [", Printable(question.preset), "]"), ": ");
  std::string text;
  terminal->Write(prompt);
  for (;;) {
    const Key key = co_await terminal->ReadKey();
    Line line;
    switch (key.kind) {
      case Key::kInterrupted:
      case Key::kCancel:
      case Key::kEscape:
        terminal->Write("\n");
        if (key.kind == Key::kInterrupted) line.said = Said::kInterrupted;
        co_return line;
      case Key::kResumed:
        terminal->Write(absl::StrCat("\n", prompt, question.hidden ? "" : Printable(text)));
        break;
      case Key::kText:
        if (text.size() + key.text.size() > kLongestAnswer) break;
        text += key.text;
        if (!question.hidden) terminal->Write(Printable(key.text));
        break;
      case Key::kBackspace:
      case Key::kClearLine:
        while (!text.empty()) {
          EraseLast(text);
          if (!question.hidden) terminal->Write("\b \b");
          if (key.kind == Key::kBackspace) break;
        }
        break;
      case Key::kEnter: {
        terminal->Write("\n");
        line.text = std::string(absl::StripAsciiWhitespace(text));
        if (line.text.empty()) line.text = question.preset;
        const std::string problem = question.problem ? question.problem(line.text) : "";
        if (problem.empty()) {
          line.said = Said::kAnswer;
          co_return line;
        }
        text.clear();
        terminal->Write(absl::StrCat(problem, "\n", prompt));
        break;
      }
      default:
        break;
    }
  }
}

}  // namespace authflow
