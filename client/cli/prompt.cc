#include "client/cli/prompt.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/cli/menu.h"
#include "client/cli/printable.h"

namespace authflow {
namespace {

constexpr size_t kLongestAnswer = 16 * 1024;

// Draws lines over the ones drawn before.
class Canvas {
 public:
  explicit Canvas(Terminal& terminal) : terminal_(terminal) {}
  void Draw(const std::vector<std::string>& lines) {
    std::string out = Back();
    for (const auto& line : lines) absl::StrAppend(&out, line, "\n");
    lines_ = lines.size();
    terminal_.Write(out);
  }
  void Clear() {
    terminal_.Write(Back());
    lines_ = 0;
  }

 private:
  // To the first line drawn, and all below is gone.
  std::string Back() const { return lines_ == 0 ? "\r\x1b[J" : absl::StrCat("\r\x1b[", lines_, "A\x1b[J"); }
  Terminal& terminal_;
  size_t lines_ = 0;
};

std::string NumberProblem(const std::string& text, size_t count) {
  size_t number = 0;
  if (absl::SimpleAtoi(text, &number) && number >= 1 && number <= count) return "";
  return absl::StrCat("Type a number from 1 to ", count, ".");
}

Task<Chosen> ChooseByNumber(std::shared_ptr<Terminal> terminal, std::string title, std::vector<std::string> items) {
  std::string list = title + "\n";
  for (size_t i = 0; i < items.size(); ++i) absl::StrAppend(&list, "  ", i + 1, ". ", items[i], "\n");
  terminal->Write(list);
  const size_t count = items.size();
  Question question;
  question.text = "Number";
  question.preset = "1";
  question.problem = [count](const std::string& text) { return NumberProblem(text, count); };
  const Line line = co_await Ask(terminal, std::move(question));
  Chosen chosen;
  chosen.said = line.said;
  if (line.said == Said::kAnswer && absl::SimpleAtoi(line.text, &chosen.index)) --chosen.index;
  co_return chosen;
}

// Removes the last character.
void EraseLast(std::string& text) {
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
  if (!text.empty()) text.pop_back();
}

}  // namespace

Task<Chosen> Choose(std::shared_ptr<Terminal> terminal, std::string title, std::vector<std::string> items) {
  title = Printable(title);
  for (auto& item : items) item = Printable(item);
  if (terminal->plain()) {
    const Chosen chosen = co_await ChooseByNumber(terminal, std::move(title), std::move(items));
    co_return chosen;
  }
  Terminal::Raw raw(*terminal);
  Canvas canvas(*terminal);
  Menu menu(title, std::move(items));
  for (;;) {
    canvas.Draw(menu.Lines(terminal->width(), terminal->height()));
    const Key key = co_await terminal->ReadKey();
    const auto after = key.kind == Key::kInterrupted ? Menu::After::kCancelled : menu.Press(key);
    if (after == Menu::After::kOpen) continue;
    canvas.Clear();
    Chosen chosen;
    if (after == Menu::After::kChosen) {
      terminal->Write(absl::StrCat(Shortened(absl::StrCat(title, " ", menu.chosen()), terminal->width() - 1), "\n"));
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
